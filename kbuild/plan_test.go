package kbuild

import (
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
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
		if d := classify(file); d == nil || d.Code != want || d.Hint == "" {
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

func TestIncluders(t *testing.T) {
	files := map[string]string{
		"k/sched/build.c":        "#include <linux/a.h>\n # include \"rt.c\"\n",
		"k/sched/rt.c":           "#include \"deep.c\"\n",
		"k/sched/deep.c":         "",
		"lib/z/src.c":            "",
		"k/other.c":              "#include <../z/src.c>\n",
		"k/table.h":              "#include \"src.c\" /* elsewhere */\n",
		"k/no.c":                 "// include \"rt.c\"\nint rt; /* rt.c */\n",
		"include/linux/a.h":      "#include <uapi/linux/a.h>\n#include_next <b.h>\n",
		"include/uapi/linux/a.h": "",
		"k/a.h":                  "",
		"k/t.c":                  "#include \"table.h\"\n#if __has_include(\"later.h\")\n#include \"a.h\"\n#endif\n",
		"k/trace.h":              "#define TRACE_SYSTEM ev\n#define TRACE_INCLUDE_FILE ../../k/part-ev\n#include TRACE_INCLUDE(x)",
		"drivers/acpi/t.c":       "#include CONFIG_TABLE\n",
	}
	has := func(file string) bool { _, ok := files[file]; return ok }
	in := includers{}
	for file, text := range files {
		in.add(file, scanIncludes([]byte(text)), has)
	}
	text, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	read := includers{}
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string][]string{
		"k/sched/deep.c":         {"k/sched/build.c", "k/sched/deep.c", "k/sched/rt.c"},
		"lib/z/src.c":            {"k/other.c", "k/t.c", "k/table.h", "lib/z/src.c"},
		"drivers/rt.c":           {"drivers/rt.c"},
		"include/linux/a.h":      {"include/linux/a.h", "k/sched/build.c"},
		"include/uapi/linux/a.h": {"include/linux/a.h", "include/uapi/linux/a.h", "k/sched/build.c"},
		"k/a.h":                  {"k/a.h", "k/t.c"},
		"k/later.h":              {"k/later.h", "k/t.c"},
		"include/b.h":            {"include/b.h", "include/linux/a.h", "k/sched/build.c"},
		"include/ev.h":           {"include/ev.h", "k/trace.h"},
		"k/part-ev.h":            {"k/part-ev.h", "k/trace.h"},
	} {
		want = unique(append(want, "drivers/acpi/t.c"))
		if diff := cmp.Diff(want, slices.Sorted(maps.Keys(read.closure(file)))); diff != "" {
			t.Errorf("%s: %s", file, diff)
		}
	}
}
