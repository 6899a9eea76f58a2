package livepatch

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"kintsugi/internal/fault"
)

// soon runs f after the code under test has had time to look.
func soon(f func()) { time.AfterFunc(20*time.Millisecond, f) }

func TestLoadWaitsForTheTransition(t *testing.T) {
	h := tree(t, nil)
	var ended atomic.Bool
	h.insert = func(*os.File) error {
		appear(t, h, "sample", "1", "1")
		soon(func() {
			ended.Store(true)
			put(t, h.path("sys/kernel/livepatch/sample/transition"), "0\n")
		})
		return nil
	}
	patch, err := h.Load(context.Background(), moduleFile(t, sample), LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if !ended.Load() || patch.Name != "sample" || patch.State != Enabled {
		t.Errorf("ended %v, %+v; want it to wait until the patch is enabled", ended.Load(), patch)
	}
}

func TestLoadWaitsForAnotherTransition(t *testing.T) {
	h := tree(t, nil)
	appear(t, h, "other", "1", "1")
	var idle atomic.Bool
	soon(func() {
		idle.Store(true)
		put(t, h.path("sys/kernel/livepatch/other/transition"), "0\n")
	})
	tries := 0
	h.insert = func(*os.File) error {
		if !idle.Load() {
			t.Error("inserted during another transition")
		}
		if tries++; tries < 3 {
			return unix.EBUSY // the kernel may still be at it
		}
		appear(t, h, "sample", "1", "0")
		return nil
	}
	if _, err := h.Load(context.Background(), moduleFile(t, sample), LoadOptions{Drop: true}); err != nil || tries != 3 {
		t.Errorf("%v after %d tries, want success after 3", err, tries)
	}
}

func TestLoadStalls(t *testing.T) {
	files := map[string]string{"proc/7/task/7/patch_state": "0\n", "proc/7/task/7/comm": "sleeper\n"}
	tests := []struct{ name, other, patch string }{
		{"own", "", "sample"},
		{"another's", "other", "other"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := tree(t, files)
			h.Wait = 30 * time.Millisecond
			if test.other != "" {
				appear(t, h, test.other, "1", "1")
			}
			h.insert = func(*os.File) error { appear(t, h, "sample", "1", "1"); return nil }
			_, err := h.Load(context.Background(), moduleFile(t, sample), LoadOptions{OnStall: Leave, Drop: true})
			var stalled *Stalled
			if !errors.As(err, &stalled) || stalled.Patch != test.patch || len(stalled.Tasks) != 1 {
				t.Fatalf("%v, want a stalled transition of %s and its task", err, test.patch)
			}
			if fault.ClassOf(err) != fault.Verdict || fault.CodeOf(err) != "transition-stalled" ||
				!strings.Contains(err.Error(), "pid 7 (sleeper)") {
				t.Errorf("class %d, code %q, %v", fault.ClassOf(err), fault.CodeOf(err), err)
			}
		})
	}
}

func TestLoadCancelled(t *testing.T) {
	h := tree(t, nil)
	ctx, cancel := context.WithCancel(context.Background())
	h.insert = func(*os.File) error { appear(t, h, "sample", "1", "1"); soon(cancel); return nil }
	if _, err := h.Load(ctx, moduleFile(t, sample), LoadOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
}

func TestLoadReplacedMeanwhile(t *testing.T) {
	h := tree(t, nil)
	h.insert = func(*os.File) error { return nil }
	if _, err := h.Load(context.Background(), moduleFile(t, sample),
		LoadOptions{}); fault.ClassOf(err) != fault.Environment {
		t.Errorf("%v, want a fault.Environment", err)
	}
}

func TestLoadRefusedByTheKernel(t *testing.T) {
	tests := []struct {
		errno unix.Errno
		class fault.Class
		text  string
	}{
		{unix.ENOEXEC, fault.Verdict, "format or version"},
		{unix.ENOENT, fault.Verdict, "symbol"},
		{unix.EINVAL, fault.Verdict, "refuses the livepatch"},
		{unix.EKEYREJECTED, fault.Environment, "signed modules only"},
		{unix.EEXIST, fault.Input, "loaded already"},
		{unix.EBUSY, fault.Environment, "busy"},
		{unix.EFAULT, fault.Verdict, "refuses the module"},
	}
	for _, test := range tests {
		t.Run(test.errno.Error(), func(t *testing.T) {
			h := tree(t, map[string]string{"dev/kmsg": "4,1,10,-;old news\n"})
			h.Wait = 20 * time.Millisecond
			h.insert = func(*os.File) error {
				f, err := os.OpenFile(h.path("dev/kmsg"), os.O_APPEND|os.O_WRONLY, 0)
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				f.WriteString("3,2,20,-;sample: no good\n SUBSYSTEM=module\n")
				return test.errno
			}
			_, err := h.Load(context.Background(), moduleFile(t, sample), LoadOptions{})
			if fault.ClassOf(err) != test.class || !errors.Is(err, test.errno) || !strings.Contains(err.Error(), test.text) {
				t.Errorf("class %d, %v; want class %d and %q", fault.ClassOf(err), err, test.class, test.text)
			}
			hints := strings.Join(fault.Hints(err), "\n")
			if !strings.Contains(hints, "kernel log: sample: no good") || strings.Contains(hints, "old news") ||
				strings.Contains(hints, "SUBSYSTEM") {
				t.Errorf("hints %q, want only what the kernel printed meanwhile", hints)
			}
		})
	}
}

func TestLoadNotPermitted(t *testing.T) {
	tests := []struct{ name, file, text, hint string }{
		{"modules disabled", "proc/sys/kernel/modules_disabled", "1\n", "modules_disabled"},
		{"lockdown", "sys/kernel/security/lockdown", "none [integrity] confidentiality\n", "locked down"},
		{"no lockdown", "sys/kernel/security/lockdown", "[none] integrity confidentiality\n", "CAP_SYS_MODULE"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := tree(t, map[string]string{test.file: test.text})
			h.insert = func(*os.File) error { return unix.EPERM }
			_, err := h.Load(context.Background(), moduleFile(t, sample), LoadOptions{})
			want := test.hint
			if os.Geteuid() != 0 {
				want = "needs root"
			}
			if hints := strings.Join(fault.Hints(err), "\n"); fault.ClassOf(err) != fault.Environment ||
				!strings.Contains(hints, want) {
				t.Errorf("%v, hints %q; want %q", err, hints, want)
			}
		})
	}
}

func TestLoadWrongFile(t *testing.T) {
	h := tree(t, nil)
	h.insert = func(*os.File) error { t.Error("inserted"); return nil }
	files := map[string]string{
		"no such file":    h.path("none.ko"),
		"not a livepatch": moduleFile(t, "name=sample\x00"),
		"no name":         moduleFile(t, "livepatch=Y\x00"),
		"bad name":        moduleFile(t, "livepatch=Y\x00name=../x\x00"),
		"no ELF":          "load_test.go",
	}
	for name, file := range files {
		if _, err := h.Load(context.Background(), file, LoadOptions{}); fault.ClassOf(err) != fault.Input {
			t.Errorf("%s: %v, want a fault.Input", name, err)
		}
	}
}

// TestSystemCalls makes the real system calls with what no kernel accepts.
func TestSystemCalls(t *testing.T) {
	file, err := os.Open("load_test.go")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := finitModule(file); err == nil {
		t.Error("the kernel took a Go file for a module")
	}
	if err := deleteModule("kintsugi_no_such_module"); err == nil {
		t.Error("the kernel removed a module that is not there")
	}
}
