package vm

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func stepNames(p plan) []string {
	g := &guest{plan: p}
	var names []string
	for _, s := range g.steps(context.Background()) {
		names = append(names, s.name)
	}
	return names
}

func TestStepOrder(t *testing.T) {
	one := []planLivepatch{{Name: "p"}}
	module := []planModule{{Name: "crc16"}, {Name: "ext4", Patched: true}}
	tests := []struct {
		name string
		plan plan
		want []string
	}{
		{"kernel", plan{Livepatches: one, Order: ModulesFirst},
			[]string{"shell", "modules", "before", "load", "objects", "after", "disable", "unload", "reverted"}},
		{"modules that are only needed", plan{Livepatches: one, Order: ModulesFirst, Modules: module[:1]},
			[]string{"shell", "modules", "before", "load", "objects", "after", "disable", "unload", "reverted"}},
		{"module first", plan{Livepatches: one, Order: ModulesFirst, Modules: module},
			[]string{"shell", "modules", "before", "load", "objects", "after", "modules out", "modules in", "objects",
				"after reload", "disable", "unload", "reverted"}},
		{"livepatch first", plan{Livepatches: one, Order: LivepatchFirst, Modules: module},
			[]string{"shell", "modules", "before", "modules out", "load", "modules in", "objects", "after", "disable",
				"unload", "reverted"}},
		{"newer ones", plan{Livepatches: []planLivepatch{{Name: "p"}, {Name: "q"}, {Name: "r"}}, Order: ModulesFirst},
			[]string{"shell", "modules", "before", "load", "objects", "after",
				"load q", "objects", "after q", "load r", "objects", "after r",
				"back to q", "objects", "after back to q", "back to p", "objects", "after back to p",
				"disable", "unload", "reverted"}},
		{"a newer one over a pinned one", plan{Livepatches: []planLivepatch{{Name: "p"}, {Name: "q", Pinned: true},
			{Name: "r", Replace: true}, {Name: "s", Replace: true}}, Order: ModulesFirst},
			[]string{"shell", "modules", "before", "load", "objects", "after",
				"load q", "objects", "after q", "load r", "objects", "after r", "load s", "objects", "after s",
				"back to r", "objects", "after back to r", "disable", "unload", "reverted"}},
		{"a newer one beside a pinned one", plan{Livepatches: []planLivepatch{{Name: "p", Pinned: true}, {Name: "q"}},
			Order: ModulesFirst},
			[]string{"shell", "modules", "before", "load", "objects", "after", "load q", "objects", "after q",
				"back to p", "objects", "after back to p", "disable", "unload", "reverted"}},
		{"cycles", plan{Livepatches: one, Order: ModulesFirst, Cycles: 3},
			[]string{"shell", "modules", "before", "load", "objects", "after", "disable", "unload", "reverted", "cycles"}},
	}
	for _, test := range tests {
		if diff := cmp.Diff(test.want, stepNames(test.plan)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestParseProfile(t *testing.T) {
	got := parseProfile("  function_0                                       12               1\n  function_1   0   " +
		"0\nnoise\n  broken  x  1\n")
	if diff := cmp.Diff(map[string]uint64{"function_0": 13, "function_1": 0}, got); diff != "" {
		t.Error(diff)
	}
}

func TestParseMeminfo(t *testing.T) {
	got := parseMeminfo("MemTotal:         987 kB\nMemFree:            7 kB\nHugePages_Total:       0\nnoise\n")
	if diff := cmp.Diff(map[string]int64{"MemTotal": 987, "MemFree": 7, "HugePages_Total": 0}, got); diff != "" {
		t.Error(diff)
	}
}

func TestLockdepOff(t *testing.T) {
	for stats, want := range map[string]bool{" max locking depth: 4\n debug_locks:  0\n": true,
		" debug_locks:  1\n": false, "": false} {
		if lockdepOff(stats) != want {
			t.Errorf("%q: %v", stats, !want)
		}
	}
}

func TestHasFlag(t *testing.T) {
	const cpuinfo = "processor\t: 0\nflags\t\t: fpu svm_lock vmx\nbugs\t\t: svm\n"
	for flag, want := range map[string]bool{"vmx": true, "svm": false, "fp": false} {
		if hasFlag(cpuinfo, []string{flag}) != want {
			t.Errorf("%s: %v", flag, !want)
		}
	}
}
