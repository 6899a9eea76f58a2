package vm

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kintsugi/internal/report"
)

// ran is a count of calls.
func ran(n uint64) *uint64 { return &n }

// came is what a guest reports whose sequence went well.
func came(f facts) *outcome {
	return &outcome{accel: "tcg", messages: []message{
		{Step: "modules", Elapsed: time.Second},
		{Step: "load", Elapsed: 3 * time.Second},
		{Facts: &facts{Modules: []report.TestModule{{Name: "early"}}}}, // replaced by what comes later
		{Facts: &f},
		{Done: true, Elapsed: 7 * time.Second},
	}}
}

var (
	kernelPatched = report.TestObject{Module: "p", Name: "vmlinux", Patched: true, Source: "patched"}
	minixPatched  = report.TestObject{Module: "p", Name: "minix", Patched: true, Source: "patched"}
	minixAbsent   = report.TestObject{Module: "p", Name: "minix", Source: "patched", Reason: "module minix is not loaded"}
)

// TestProof: nothing failed in these; what they show decides.
func TestProof(t *testing.T) {
	functions := func(runs ...*uint64) []report.TestFunction {
		var list []report.TestFunction
		for i, n := range runs {
			list = append(list, report.TestFunction{Module: "p", Object: []string{"vmlinux", "minix"}[i%2], Name: "f" +
				string(rune('0'+i)), Runs: n})
		}
		return list
	}
	tests := []struct {
		name    string
		cfg     Config
		facts   facts
		missing []report.TestModule
		verdict report.Verdict
		reason  string // substring
		hint    string // substring
	}{
		{name: "kernel", facts: facts{Objects: []report.TestObject{kernelPatched}}, verdict: report.OK},
		{name: "kernel and module", facts: facts{Objects: []report.TestObject{kernelPatched, minixPatched}},
			verdict: report.OK},
		{name: "no object", verdict: report.NotProven, reason: "no object"},
		{name: "module absent", facts: facts{Objects: []report.TestObject{kernelPatched, minixAbsent}},
			cfg:     Config{Modules: "/m"},
			verdict: report.NotProven, reason: "minix was not patched: module minix is not loaded",
			hint: "--allow-unloaded minix"},
		{name: "target without modules", facts: facts{Objects: []report.TestObject{minixAbsent}},
			verdict: report.NotProven, reason: "minix was not patched", hint: "--modules"},
		{name: "module absent, and may be", facts: facts{Objects: []report.TestObject{kernelPatched, minixAbsent}},
			cfg: Config{AllowUnloaded: []string{"minix"}}, verdict: report.OK},
		{name: "another may be absent", facts: facts{Objects: []report.TestObject{kernelPatched, minixAbsent}},
			cfg: Config{AllowUnloaded: []string{"loop"}}, verdict: report.NotProven, reason: "minix"},
		{name: "the only object may be absent", facts: facts{Objects: []report.TestObject{minixAbsent}},
			cfg: Config{AllowUnloaded: []string{"minix"}}, verdict: report.NotProven, reason: "no object"},
		{name: "module missing in the target", facts: facts{Objects: []report.TestObject{kernelPatched, minixAbsent}},
			cfg:     Config{Modules: "/m"},
			missing: []report.TestModule{{Name: "minix", Patched: true, Reason: "the target does not have it"}},
			verdict: report.NotProven, reason: "minix was not patched: the target does not have it"},
		{name: "kept in this order", facts: facts{Objects: []report.TestObject{minixPatched},
			Modules: []report.TestModule{{Name: "minix", Loaded: true, Kept: "it is in use"}}},
			cfg: Config{Order: LivepatchFirst}, verdict: report.NotProven,
			reason: "minix was not loaded after the livepatch: it is in use"},
		{name: "kept in the other order",
			facts: facts{Objects: []report.TestObject{minixPatched},
				Modules: []report.TestModule{{Name: "minix", Loaded: true, Kept: "it is in use"}}},
			cfg: Config{Order: ModulesFirst}, verdict: report.OK},
		{name: "idle function", facts: facts{Objects: []report.TestObject{kernelPatched}, Functions: functions(ran(0))},
			verdict: report.OK},
		{name: "idle function, required", cfg: Config{RequireExercised: true},
			facts:   facts{Objects: []report.TestObject{kernelPatched, minixPatched}, Functions: functions(ran(3), ran(0), nil)},
			verdict: report.NotProven, reason: "2 of 3 replaced functions did not run: minix/f1, vmlinux/f2"},
		{name: "all ran, required", cfg: Config{RequireExercised: true},
			facts: facts{Objects: []report.TestObject{kernelPatched}, Functions: functions(ran(3))}, verdict: report.OK},
		{name: "idle function of an absent module, required",
			cfg:     Config{RequireExercised: true, AllowUnloaded: []string{"minix"}},
			facts:   facts{Objects: []report.TestObject{kernelPatched, minixAbsent}, Functions: functions(ran(3), ran(0))},
			verdict: report.OK},
		{name: "leak", facts: cycled(50_000, 52_000, 55_000, 58_000, 60_000),
			verdict: report.Failed, reason: "grew by 10000 kB over 100 cycles"},
		{name: "small growth", facts: cycled(50_000, 51_000, 51_500, 52_000, 53_000), verdict: report.OK},
		{name: "swing", facts: cycled(50_000, 58_000, 56_000, 59_000, 62_000), verdict: report.OK},
		{name: "few cycles", facts: cycled(50_000, 62_000), verdict: report.OK},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			result, err := testOf(test.cfg, test.missing).judge(came(test.facts))
			if err != nil {
				t.Fatal(err)
			}
			got := result.Test
			if got.Verdict != test.verdict || got.OK != (test.verdict == report.OK) ||
				!strings.Contains(got.Reason, test.reason) || (got.Reason == "") != got.OK {
				t.Errorf("%s, ok %v, %q", got.Verdict, got.OK, got.Reason)
			}
			if hints := strings.Join(result.Hints, "\n"); !strings.Contains(hints, test.hint) {
				t.Errorf("hints %q", hints)
			}
		})
	}
}

func testOf(cfg Config, missing []report.TestModule) *test {
	return &test{Config: cfg, payload: payload{missing: missing}}
}

func TestSteps(t *testing.T) {
	result, err := testOf(Config{}, nil).judge(came(facts{Objects: []report.TestObject{kernelPatched}}))
	if err != nil {
		t.Fatal(err)
	}
	want := []report.TestStep{{Name: "modules", StartMS: 1000, TookMS: 2000}, {Name: "load", StartMS: 3000, TookMS: 4000}}
	if diff := cmp.Diff(want, result.Test.Steps); diff != "" {
		t.Error(diff)
	}
	if result.Test.Accelerator != "tcg" {
		t.Errorf("accelerator %q", result.Test.Accelerator)
	}
}

// TestConsoleIsKept: a test that failed has the end of the console, of whole lines.
func TestConsoleIsKept(t *testing.T) {
	out := came(facts{Objects: []report.TestObject{kernelPatched}})
	result, err := testOf(Config{}, nil).judge(out)
	if err != nil || result.Test.Console != "" {
		t.Errorf("%v, %q", err, result.Test.Console)
	}
	out.console = []byte(strings.Repeat("[ 1.0] a line of the kernel\n", 10_000) + "[ 9.9] BUG: bad\n")
	result, err = testOf(Config{}, nil).judge(out)
	if err != nil {
		t.Fatal(err)
	}
	kept := result.Test.Console
	if len(kept) > maxKept || !strings.HasPrefix(kept, "[ 1.0] a line") || !strings.HasSuffix(kept, "BUG: bad\n") {
		t.Errorf("%d bytes, from %.30q", len(kept), kept)
	}
}

// cycled is a hundred cycles with the memory in use.
func cycled(memoryKB ...int64) facts {
	return facts{
		Objects: []report.TestObject{kernelPatched},
		Cycles:  &report.TestCycles{Asked: 100, Done: 100, MemoryKB: memoryKB},
	}
}
