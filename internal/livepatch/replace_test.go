package livepatch

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"kintsugi/internal/diag"
	"kintsugi/internal/fault"
	"kintsugi/internal/klp"
)

// module is a livepatch of these functions, OBJECT/NAME.
func module(replace bool, functions ...string) *klp.Module {
	m := &klp.Module{Name: "new", Patch: &klp.Patch{Replace: replace}}
	for _, f := range functions {
		object, name, _ := strings.Cut(f, "/")
		m.Patch.Objects = append(m.Patch.Objects, klp.Object{Name: object, Functions: []klp.Function{{OldName: name}}})
	}
	return m
}

func TestReplacements(t *testing.T) {
	h := tree(t, map[string]string{
		"sys/kernel/livepatch/old/enabled":                 "1\n",
		"sys/kernel/livepatch/old/vmlinux/a,1/.keep":       "",
		"sys/kernel/livepatch/old/vmlinux/b,2/.keep":       "",
		"sys/kernel/livepatch/old/minix/a,1/.keep":         "",
		"sys/kernel/livepatch/going/enabled":               "0\n",
		"sys/kernel/livepatch/going/transition":            "1\n",
		"sys/kernel/livepatch/going/vmlinux/never,1/.keep": "",
	})
	all := module(true, "vmlinux/a", "minix/a", "vmlinux/new")
	all.Patch.Objects[0].Functions = append(all.Patch.Objects[0].Functions, klp.Function{OldName: "b", SymPos: 2})
	runs := module(true)
	runs.Patch = nil
	tests := []struct {
		name   string
		module *klp.Module
		want   []Replacement
	}{
		{"cumulative", all, []Replacement{{"old", []string{}}}},
		{"one of three", module(true, "vmlinux/a"), []Replacement{{"old", []string{"minix/a,1", "vmlinux/b,2"}}}},
		{"other position", module(true, "vmlinux/a", "minix/a", "vmlinux/b"),
			[]Replacement{{"old", []string{"vmlinux/b,2"}}}},
		{"stacked", module(false, "vmlinux/x"), nil},
		{"unknown", runs, []Replacement{{"old", []string{"minix/a,1", "vmlinux/a,1", "vmlinux/b,2"}}}},
	}
	for _, test := range tests {
		got, err := h.replacements(test.module)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
		lost := len(test.want) > 0 && len(test.want[0].Lost) > 0
		if err := dropError("new", got); (err != nil) != lost || lost && fault.CodeOf(err) != diag.LoadDrops {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

// TestLoadDrops: a livepatch that would lose functions is not inserted,
// unless that was asked for.
func TestLoadDrops(t *testing.T) {
	for _, drop := range []bool{false, true} {
		h := tree(t, nil)
		appear(t, h, "old", "1", "0")
		inserted := false
		h.insert = func(*os.File) error {
			inserted = true
			vanish(t, h, "old")
			appear(t, h, "sample", "1", "0")
			return nil
		}
		var told []Replacement
		loaded, err := h.Load(context.Background(), moduleFile(t, sample),
			LoadOptions{Drop: drop, Replaces: func(list []Replacement) { told = list }})
		if (err == nil) != drop || inserted != drop || len(told) != 1 {
			t.Errorf("drop %v: %v, inserted %v, told %v", drop, err, inserted, told)
		}
		if drop && (loaded.Name != "sample" || len(loaded.Replaced) != 1 ||
			loaded.Replaced[0].Lost[0] != "vmlinux/cmdline_proc_show,1") {
			t.Errorf("%+v", loaded)
		}
	}
}

func TestLoadTwice(t *testing.T) {
	const id, other = "\x04\x00\x00\x00own", "\x04\x00\x00\x00not"
	tests := []struct {
		name, loaded, file, enabled string
		class                       fault.Class // 0: loaded already
		text                        string
	}{
		{"the same", id, id, "1", 0, ""},
		{"another build", other, id, "1", fault.Input, "another module of the name sample is loaded"},
		{"the loaded one has no ID", "", id, "1", fault.Input, "another module"},
		{"the file has no ID", id, "", "1", fault.Input, "another module"},
		{"the same, not in effect", id, id, "", fault.Environment, "loaded but not in effect"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			files := map[string]string{"sys/module/sample/taint": "K\n"}
			if test.loaded != "" {
				files["sys/module/sample/notes/"+buildIDNote] = test.loaded
			}
			h := tree(t, files)
			if test.enabled != "" {
				appear(t, h, "sample", test.enabled, "0")
			}
			h.insert = func(*os.File) error { t.Error("inserted"); return nil }
			list := []section{{".modinfo", sample}}
			if test.file != "" {
				list = append(list, section{buildIDNote, test.file})
			}
			path := filepath.Join(t.TempDir(), "sample.ko")
			if err := os.WriteFile(path, objectBytes(list...), 0o644); err != nil {
				t.Fatal(err)
			}
			loaded, err := h.Load(context.Background(), path, LoadOptions{})
			if test.class == 0 {
				if err != nil || !loaded.Already || loaded.State != Enabled {
					t.Errorf("%+v, %v", loaded, err)
				}
				return
			}
			if fault.ClassOf(err) != test.class || !strings.Contains(err.Error(), test.text) {
				t.Errorf("class %d, %v", fault.ClassOf(err), err)
			}
		})
	}
}

// TestLoadReverts: a transition that does not end is reversed by default.
func TestLoadReverts(t *testing.T) {
	h := tree(t, map[string]string{"proc/7/task/7/patch_state": "0\n"})
	h.Wait = 2 * time.Second
	h.insert = func(*os.File) error { appear(t, h, "sample", "1", "1"); return nil }
	removed := false
	h.remove = func(string) error { removed = true; return nil }
	go func() { // the kernel: the file says 0, and the livepatch goes
		for t.Context().Err() == nil {
			text, err := os.ReadFile(h.path("sys/kernel/livepatch/sample/enabled"))
			if err == nil && strings.HasPrefix(string(text), "0") {
				vanish(t, h, "sample")
				return
			}
			time.Sleep(time.Millisecond)
		}
	}()
	_, err := h.Load(context.Background(), moduleFile(t, sample), LoadOptions{})
	var stalled *Stalled
	if !errors.As(err, &stalled) || fault.ClassOf(err) != fault.Verdict || fault.CodeOf(err) != diag.TransitionStalled {
		t.Errorf("class %d, %v", fault.ClassOf(err), err)
	}
	if hints := strings.Join(fault.Hints(err), "\n"); !removed ||
		!strings.Contains(hints, "reversed, and the livepatch unloaded") {
		t.Errorf("removed %v, hints %q", removed, hints)
	}
}

// TestBusyCallback: EBUSY of a callback is no reason to try again, and the
// kernel's log shows whose it is.
func TestBusyCallback(t *testing.T) {
	const said = "4,2,20,-;livepatch: pre-patch callback failed for object 'vmlinux'\n"
	for name, test := range map[string]struct {
		said  string
		tries int
	}{"callback": {said, 1}, "unknown": {"", busyTries}} {
		h := tree(t, map[string]string{"dev/kmsg": ""})
		tries := 0
		h.insert = func(*os.File) error {
			tries++
			f, err := os.OpenFile(h.path("dev/kmsg"), os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			f.WriteString(test.said)
			return unix.EBUSY
		}
		_, err := h.Load(context.Background(), moduleFile(t, sample), LoadOptions{})
		if tries != test.tries || !errors.Is(err, unix.EBUSY) {
			t.Errorf("%s: %d tries, want %d; %v", name, tries, test.tries, err)
		}
		if hints := strings.Join(fault.Hints(err), "\n"); strings.Contains(hints, "callback failed") != (test.said != "") {
			t.Errorf("%s: hints %q", name, hints)
		}
	}
}

// TestInterrupted: the error of a load that the user ends shows what is left.
func TestInterrupted(t *testing.T) {
	h := tree(t, nil)
	ctx, cancel := context.WithCancel(context.Background())
	h.insert = func(*os.File) error { appear(t, h, "sample", "1", "1"); soon(cancel); return nil }
	_, err := h.Load(ctx, moduleFile(t, sample), LoadOptions{})
	hints := strings.Join(fault.Hints(err), "\n")
	if !errors.Is(err, context.Canceled) || !strings.Contains(hints, "sample is left enabling") ||
		!strings.Contains(hints, "kintsugi unload sample") {
		t.Errorf("%v, hints %q", err, hints)
	}
}
