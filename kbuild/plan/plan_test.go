package plan

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kintsugi/internal/arch"
	"kintsugi/internal/fault"
	"kintsugi/kbuild"
	"kintsugi/kbuild/query"
)

// recorded returns what make printed for query/testdata/query.txt, in a dry run on Debian's
// 6.1.192.
func recorded(t *testing.T) *query.Answer {
	t.Helper()
	out, err := os.ReadFile("../query/testdata/query.txt")
	if err != nil {
		t.Fatal(err)
	}
	return query.Parse(out)
}

func TestRecordedCommand(t *testing.T) {
	a := recorded(t)
	p, err := place(a, "fs/proc/meminfo.o")
	if err != nil {
		t.Fatal(err)
	}
	u, err := p.unit("fs/proc/meminfo.c")
	if err != nil {
		t.Fatal(err)
	}
	if u.ModName != "proc" || u.ModFile != "fs/proc/proc" || u.Kind != kbuild.Vmlinux {
		t.Errorf("unit %+v", u)
	}
	if len(u.Compile) < 100 || u.Compile[0] != "gcc-12" || u.Compile[len(u.Compile)-1] != "fs/proc/meminfo.c" {
		t.Errorf("compile command %q", u.Compile)
	}
	want := strings.Fields("--hacks=jump_label --hacks=noinstr --orc --retpoline --rethunk --sls --static-call --uaccess")
	if diff := cmp.Diff(want, u.Objtool); diff != "" {
		t.Error(diff)
	}
}

func TestPlace(t *testing.T) {
	a := recorded(t)
	for object, want := range map[string]placement{
		"fs/proc/meminfo.o":      {Object: "fs/proc/meminfo.o", Kind: kbuild.Vmlinux},
		"lib/bug.o":              {Object: "lib/bug.o", Kind: kbuild.Library},
		"fs/xfs/libxfs/xfs_ag.o": {Object: "fs/xfs/libxfs/xfs_ag.o", Kind: kbuild.Module},
		"lib/gen_crc32table.o":   {Host: true},
		"fs/xfs/scrub/dir.o":     {}, // CONFIG_XFS_ONLINE_SCRUB is off
		"lib/nothing.o":          {},
	} {
		got, err := place(a, object)
		if err != nil {
			t.Fatal(err)
		}
		got.Command, got.Needs = "", nil
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", object, diff)
		}
	}
	want := outOfDirObject{"arch/x86/kvm/../../../virt/kvm/kvm_main.o", kbuild.Module}
	if diff := cmp.Diff(want, outOfDirIn(a)["virt/kvm/kvm_main.o"]); diff != "" {
		t.Error(diff)
	}
}

// TestPlanWithoutAnswer has a make that fails silently. No file may be reported as outside the
// kernel because of this.
func TestPlanWithoutAnswer(t *testing.T) {
	tree := &kbuild.Tree{Dir: t.TempDir(), Arch: &arch.AMD64, CC: "gcc", Jobs: 2}
	write(t, filepath.Join(tree.Dir, "fs/a.c"), "int a;\n")
	bin := t.TempDir()
	write(t, filepath.Join(bin, "make"), "#!/bin/sh\nexit 2\n")
	write(t, filepath.Join(bin, "gcc"), "#!/bin/sh\n")
	for _, name := range []string{"make", "gcc"} {
		if err := os.Chmod(filepath.Join(bin, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin+":/bin")
	if _, _, err := (&Planner{tree}).
		Plan(context.Background(), []string{"fs/a.c"}); fault.ClassOf(err) != fault.Environment {
		t.Errorf("error %v", err)
	}
}

func TestClassify(t *testing.T) {
	tree := &kbuild.Tree{Arch: &arch.AMD64}
	for file, want := range map[string]string{
		"kernel/bounds.c":               "build-file",
		"arch/x86/kernel/asm-offsets.c": "build-file",
		"arch/x86/entry/syscalls/a.tbl": "build-file",
	} {
		if d := classify(tree, file); d == nil || string(d.Code) != want || d.Hint == "" {
			t.Errorf("%s: %v, want %q and a hint", file, d, want)
		}
	}
	for _, file := range []string{"fs/proc/meminfo.c", "arch/arm64/kernel/asm-offsets.c"} {
		if d := classify(tree, file); d != nil {
			t.Errorf("%s: %v", file, d)
		}
	}
}

func TestPlanRefusesPaths(t *testing.T) {
	tree := &kbuild.Tree{Dir: t.TempDir(), Arch: &arch.AMD64, CC: "gcc"}
	for _, file := range []string{"../a.c", "/a.c", "", "a/../b.c", "./a.c"} {
		if _, _, err := (&Planner{tree}).Plan(context.Background(), []string{file}); fault.ClassOf(err) != fault.Input {
			t.Errorf("%q: %v", file, err)
		}
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
