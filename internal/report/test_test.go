package report

import (
	"bytes"
	"encoding/xml"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func times(n uint64) *uint64 { return &n }

// unproven returns a test in which everything occurs.
func unproven() *Report {
	r := New("v1")
	r.Verdict = NotProven
	r.Target = &Target{Release: "6.1.0-56-amd64"}
	r.Module = &Module{Name: "livepatch_fix"}
	r.Test = &Test{
		Verdict: NotProven, Reason: "via_rng was not patched: module via_rng does not load here: no such device",
		Accelerator: "tcg", Order: "modules",
		Steps: []TestStep{{"modules", 10, 40}, {"load", 50, 200}},
		Modules: []TestModule{
			{Name: "crc16", Loaded: true},
			{Name: "ext4", Patched: true, Loaded: true, Reloaded: true},
			{Name: "loop", Patched: true, Loaded: true, Kept: "it is in use"},
			{Name: "via_rng", Patched: true, Reason: "no such device"},
		},
		Objects: []TestObject{
			{Module: "livepatch_fix", Name: "ext4", Patched: true, Source: "patched"},
			{Module: "livepatch_fix", Name: "sl\x1b[31mip", Allowed: true, Reason: "module slip is not loaded"},
			{Module: "livepatch_fix", Name: "via_rng", Reason: "module via_rng does not load here: no such device"},
		},
		Functions: []TestFunction{
			{Module: "livepatch_fix", Object: "ext4", Name: "ext4_unlink", Runs: times(12)},
			{Module: "livepatch_fix", Object: "ext4", Name: "get_block", SymPos: 2, Runs: times(1)},
			{Module: "livepatch_fix", Object: "via_rng", Name: "via_rng_init", Runs: times(0)},
			{Module: "livepatch_fix", Object: "via_rng", Name: "odd", Reason: "the kernel refuses a kprobe there"},
		},
		Cycles:  &TestCycles{Asked: 20, Done: 20, MemoryKB: []int64{50000, 50100}, Lockdep: true},
		Phases:  []TestPhase{{Name: "before", Output: "a\tb\x1b[31m\n"}, {Name: "after", Status: 1}},
		Console: "[ 1.0] <boot> & \x00\n",
	}
	r.Test.Exercised = Exercise(r.Test.Functions)
	return r
}

func TestExercise(t *testing.T) {
	want := &Exercised{Ran: 2, Uncounted: 1, Replaced: 4}
	if diff := cmp.Diff(want, unproven().Test.Exercised); diff != "" {
		t.Error(diff)
	}
}

// TestJUnit reads back what was written.
func TestJUnit(t *testing.T) {
	var b bytes.Buffer
	if err := unproven().WriteJUnit(&b); err != nil {
		t.Fatal(err)
	}
	var suite junitSuite
	if err := xml.Unmarshal(b.Bytes(), &suite); err != nil {
		t.Fatalf("%v\n%s", err, b.String())
	}
	var names, bad, skipped []string
	for _, c := range suite.Cases {
		names = append(names, c.Name)
		if c.Failure != nil {
			bad = append(bad, c.Name+": "+c.Failure.Type)
		}
		if c.Skipped != nil {
			skipped = append(skipped, c.Name)
		}
	}
	if suite.Tests != len(names) || suite.Failures != len(bad) || suite.Skipped != len(skipped) || suite.Time != "0.250" {
		t.Errorf("%+v", suite)
	}
	want := []string{"verdict", "patched ext4 by livepatch_fix", `patched sl\x1b[31mip by livepatch_fix`,
		"patched via_rng by livepatch_fix",
		"probe before", "probe after", "ran ext4/ext4_unlink of livepatch_fix", "ran ext4/get_block,2 of livepatch_fix",
		"ran via_rng/via_rng_init of livepatch_fix", "ran via_rng/odd of livepatch_fix"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"verdict: unproven", "patched via_rng by livepatch_fix: unproven",
		"probe after: failed"}, bad); diff != "" {
		t.Error(diff)
	}
	if len(skipped) != 3 || !strings.Contains(suite.Out, "<boot> &") {
		t.Errorf("skipped %q, output %q", skipped, suite.Out)
	}
	ok := unproven()
	ok.Test = &Test{OK: true, Verdict: OK}
	b.Reset()
	if err := ok.WriteJUnit(&b); err != nil || strings.Contains(b.String(), "<failure") {
		t.Errorf("%v\n%s", err, b.String())
	}
}
