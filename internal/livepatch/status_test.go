package livepatch

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kintsugi/internal/fault"
)

func TestList(t *testing.T) {
	yes, no, two := true, false, 2
	h := tree(t, map[string]string{
		"sys/kernel/livepatch/b/enabled":             "1\n",
		"sys/kernel/livepatch/b/transition":          "0\n",
		"sys/kernel/livepatch/b/replace":             "1\n",
		"sys/kernel/livepatch/b/stack_order":         "2\n",
		"sys/kernel/livepatch/b/vmlinux/patched":     "1\n",
		"sys/kernel/livepatch/b/vmlinux/f,0/.keep":   "",
		"sys/kernel/livepatch/b/vmlinux/g,3/.keep":   "",
		"sys/kernel/livepatch/b/nft_chain/patched":   "0\n",
		"sys/kernel/livepatch/b/nft_chain/h,1/.keep": "",
		"sys/kernel/livepatch/c/enabled":             "1\n",
		"sys/kernel/livepatch/c/transition":          "1\n",
		"sys/kernel/livepatch/d/enabled":             "0\n",
		"sys/kernel/livepatch/d/transition":          "1\n",
		"sys/kernel/livepatch/e/enabled":             "0\n",
		"sys/kernel/livepatch/e/transition":          "0\n",
		"sys/module/a/taint":                         "OEK\n",
		"sys/module/b/taint":                         "OEK\n",
		"sys/module/ext4/taint":                      "\n",
		"proc/7/task/7/patch_state":                  "0\n",
		"proc/7/task/7/comm":                         "sleeper\n",
		"proc/7/task/7/stack":                        "[<0>] hrtimer_nanosleep+0x9c/0x180\n[<0>] do_syscall_64+0x5c/0xc0\n",
		"proc/7/task/12/patch_state":                 "1\n",
		"proc/7/task/12/comm":                        "other\n",
		"proc/3/task/3/patch_state":                  "-1\n",
	})
	sleeper := Task{PID: 7, Comm: "sleeper", Stack: []string{"hrtimer_nanosleep", "do_syscall_64"}}
	want := []Patch{
		{Name: "a", State: Inactive, Objects: []Object{}},
		{Name: "b", State: Enabled, Replace: &yes, StackOrder: &two, Objects: []Object{
			{Name: "nft_chain", Patched: &no, Functions: []Function{{"h", 1}}},
			{Name: "vmlinux", Patched: &yes, Functions: []Function{{"f", 0}, {"g", 3}}},
		}},
		{Name: "c", State: Enabling, Objects: []Object{}, Blockers: []Task{sleeper}},
		{Name: "d", State: Disabling, Objects: []Object{}, Blockers: []Task{{PID: 12, Comm: "other"}}},
		{Name: "e", State: Disabled, Objects: []Object{}},
	}
	got, err := h.List()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, p := range want {
		one, err := h.Status(p.Name)
		if err != nil {
			t.Errorf("%s: %v", p.Name, err)
		} else if diff := cmp.Diff(&p, one); diff != "" {
			t.Errorf("%s: %s", p.Name, diff)
		}
	}
}

func TestListNothing(t *testing.T) {
	got, err := tree(t, nil).List()
	if err != nil || got == nil || len(got) != 0 {
		t.Errorf("%#v, %v; want an empty list", got, err)
	}
}

func TestStatusRefusals(t *testing.T) {
	h := tree(t, nil)
	for _, name := range []string{"gone", "", "..", "../../etc", "a/b", "a b", "x\x00", strings.Repeat("x", 56)} {
		_, err := h.Status(name)
		if fault.ClassOf(err) != fault.Input {
			t.Errorf("%q: %v, want a fault.Input", name, err)
		}
	}
	if _, err := h.Status("gone"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v does not wrap fs.ErrNotExist", err)
	}
}

func TestKernelWithoutLivepatching(t *testing.T) {
	h := &Host{Root: t.TempDir()}
	_, err := h.List()
	if fault.ClassOf(err) != fault.Environment || len(fault.Hints(err)) == 0 {
		t.Errorf("%v, want a fault.Environment with a hint", err)
	}
}

func TestStrangeValue(t *testing.T) {
	h := tree(t, map[string]string{"sys/kernel/livepatch/a/enabled": "maybe\n"})
	if _, err := h.List(); fault.ClassOf(err) != fault.Environment {
		t.Errorf("%v, want a fault.Environment", err)
	}
}

// TestThisKernel reads the kernel that the tests run on, whatever it has.
func TestThisKernel(t *testing.T) {
	patches, err := (&Host{}).List()
	if _, statErr := os.Stat("/sys/kernel/livepatch"); statErr != nil {
		if fault.ClassOf(err) != fault.Environment {
			t.Errorf("%v, want a fault.Environment", err)
		}
		return
	}
	if err != nil {
		t.Error(err)
	}
	t.Log(patches)
}
