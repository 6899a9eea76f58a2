package kbuild

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kintsugi/internal/fault"
)

func TestPlace(t *testing.T) {
	a := recorded(t)
	for object, want := range map[string]placement{
		"fs/proc/meminfo.o":      {Object: "fs/proc/meminfo.o", Kind: Vmlinux},
		"lib/bug.o":              {Object: "lib/bug.o", Kind: Library},
		"fs/xfs/libxfs/xfs_ag.o": {Object: "fs/xfs/libxfs/xfs_ag.o", Kind: Module},
		"lib/gen_crc32table.o":   {Host: true},
		"fs/xfs/scrub/dir.o":     {}, // CONFIG_XFS_ONLINE_SCRUB is off
		"lib/nothing.o":          {},
	} {
		got, err := a.place(object)
		if err != nil {
			t.Fatal(err)
		}
		got.Command, got.Needs = "", nil
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", object, diff)
		}
	}
	if diff := cmp.Diff(stray{"arch/x86/kvm/../../../virt/kvm/kvm_main.o", Module}, a.strays()["virt/kvm/kvm_main.o"]); diff != "" {
		t.Error(diff)
	}
}

func TestDeny(t *testing.T) {
	a := parseAnswer(nil)
	a.deny([]byte("make[2]: *** No rule to make target 'drivers/zorro/.kintsugi'.\n" +
		"make[1]: *** No rule to make target './samples/.kintsugi', needed by '.'.  Stop.\n" +
		"make[1]: *** [scripts/Makefile.build:508: drivers] Error 2\n"))
	if diff := cmp.Diff(map[string]bool{"drivers/zorro": true, "samples": true}, a.denied); diff != "" {
		t.Error(diff)
	}
}

// TestPlanWithoutAnswer has a make that fails without a word: no file may be
// called outside of the kernel for that.
func TestPlanWithoutAnswer(t *testing.T) {
	tree, _ := smallTree(t)
	bin := t.TempDir()
	write(t, filepath.Join(bin, "make"), "#!/bin/sh\nexit 2\n")
	write(t, filepath.Join(bin, "gcc"), "#!/bin/sh\n")
	for _, name := range []string{"make", "gcc"} {
		if err := os.Chmod(filepath.Join(bin, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin+":/bin")
	if _, _, err := tree.Plan(context.Background(), []string{"fs/a.c"}); fault.ClassOf(err) != fault.Environment {
		t.Errorf("error %v", err)
	}
}

func TestClassify(t *testing.T) {
	for file, want := range map[string]string{
		"kernel/bounds.c":               "build-file",
		"arch/x86/entry/syscalls/a.tbl": "build-file",
	} {
		if d := classify(file); d == nil || string(d.Code) != want || d.Hint == "" {
			t.Errorf("%s: %v, want %q and a hint", file, d, want)
		}
	}
	if d := classify("fs/proc/meminfo.c"); d != nil {
		t.Errorf("C source: %v", d)
	}
}

func TestPlanRefusesPaths(t *testing.T) {
	tree := &Tree{Dir: t.TempDir(), CC: "gcc"}
	for _, file := range []string{"../a.c", "/a.c", "", "a/../b.c", "./a.c"} {
		if _, _, err := tree.Plan(context.Background(), []string{file}); fault.ClassOf(err) != fault.Input {
			t.Errorf("%q: %v", file, err)
		}
	}
}
