package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kintsugi/internal/report"
)

func TestWrite(t *testing.T) {
	r := &result{Outcomes: []*outcome{
		{Verdict: report.OK, Boot: &boot{OK: true}},
		{Verdict: report.Failed, Code: "panic"},
		{Verdict: report.OK, Boot: &boot{}},
		{Verdict: report.Nothing},
		{Verdict: report.Failed, Code: alone},
		{Verdict: report.Refused, Code: "init-code"},
	}}
	var out strings.Builder
	r.write(&out)
	want := `
module                2  40.0 %
refused init-code     1  20.0 %
nothing               1  20.0 %
failed panic          1  20.0 %
all                   5
do not compile alone  1
loaded and unloaded: 1 of 2 modules
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

// Only faults of kintsugi itself fail the sweep.
func TestOK(t *testing.T) {
	for _, c := range []struct {
		o    outcome
		want bool
	}{
		{outcome{Verdict: report.OK}, true},
		{outcome{Verdict: report.OK, Boot: &boot{OK: true}}, true},
		{outcome{Verdict: report.OK, Boot: &boot{}}, false},
		{outcome{Verdict: report.Refused, Code: "init-code"}, true},
		{outcome{Verdict: report.Failed, Code: alone}, true},
		{outcome{Verdict: report.Failed, Code: "panic"}, false},
		{outcome{Verdict: report.Failed, Code: "bug"}, false},
	} {
		if got := (&result{Outcomes: []*outcome{&c.o}}).ok(); got != c.want {
			t.Errorf("%+v: %v", c.o, got)
		}
	}
}

func TestSample(t *testing.T) {
	list := []string{"a", "b", "c", "d", "e"}
	if got := sample(list, -1, 1); len(got) != 5 {
		t.Errorf("all: %v", got)
	}
	got := sample(list, 3, 1)
	if diff := cmp.Diff(sample(list, 3, 1), got); len(got) != 3 || diff != "" {
		t.Errorf("%v %s", got, diff)
	}
}
