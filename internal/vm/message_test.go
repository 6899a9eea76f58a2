package vm

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kintsugi/internal/fault"
	"kintsugi/internal/report"
)

func TestParseMessages(t *testing.T) {
	text := "{\"step\":\"load\",\"elapsed\":5}\r\nnoise\n\n" +
		"{\"phase\":{\"name\":\"after\",\"output\":\"a\\nb\",\"status\":1}}\n{\"done\":true,\"taint\":3}\n{\"done\":"
	want := []message{
		{Step: "load", Elapsed: 5},
		{Phase: &report.TestPhase{Name: "after", Output: "a\nb", Status: 1}},
		{Done: true, Taint: 3},
	}
	if diff := cmp.Diff(want, parseMessages([]byte(text))); diff != "" {
		t.Error(diff)
	}
}

func TestFailureKeepsHints(t *testing.T) {
	got := newFailure("load", fault.Environmentf("no: %w", errors.New("x")).Hint("try y"))
	if diff := cmp.Diff(&failure{Step: "load", Text: "no: x", Hints: []string{"try y"}}, got); diff != "" {
		t.Error(diff)
	}
}

// FuzzJudge feeds the judge what a hostile guest may leave behind.
func FuzzJudge(f *testing.F) {
	f.Add([]byte(`{"step":"load"}`+"\n"+`{"done":true}`), []byte("[    1.0] WARNING: x\n"))
	f.Add([]byte(`{"phase":{}}`+"\n"+`{"failure":{}}`), []byte(""))
	f.Add([]byte(`{"step":"load"}`+"\n"+
		`{"facts":{"objects":[{"name":"vmlinux","patched":true}],"functions":[{}],"modules":[{"kept":"x"}],"cycles":{}}}`+
		"\n"+`{"done":true}`), []byte(""))
	f.Fuzz(func(t *testing.T, channel, console []byte) {
		out := &outcome{console: console, messages: parseMessages(channel)}
		judge := &test{Config: Config{Timeout: time.Second, RequireExercised: true, Order: LivepatchFirst}}
		result, err := judge.judge(out)
		if result == nil {
			t.Fatal("no result")
		}
		if err == nil && result.Test.OK && len(findSigns(string(console))) > 0 {
			t.Error("passed in spite of the console")
		}
		if err == nil && result.Test.OK != (result.Test.Reason == "") {
			t.Errorf("ok %v, reason %q", result.Test.OK, result.Test.Reason)
		}
		if err == nil && result.Test.OK != (result.Test.Verdict == report.OK) {
			t.Errorf("ok %v, verdict %s", result.Test.OK, result.Test.Verdict)
		}
	})
}
