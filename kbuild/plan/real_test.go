package plan

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kintsugi/internal/arch"
	"kintsugi/internal/fault"
	"kintsugi/internal/testenv"
	"kintsugi/kbuild"
	"kintsugi/kbuild/compile"
)

// realTree returns the prepared tree of the test target.
func realTree(t *testing.T) *kbuild.Tree {
	t.Helper()
	kernel := testenv.Kernel(t)
	return &kbuild.Tree{Dir: kernel.Source, Arch: &arch.AMD64, CC: kernel.CC, CacheDir: t.TempDir(), Jobs: 2}
}

// stamps returns every file of a tree with size and modification time, and every directory.
func stamps(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil || d.IsDir() {
			all[name] = "directory"
			return err
		}
		all[name] = fmt.Sprint(info.Size(), info.ModTime())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestRealPlan(t *testing.T) {
	tree := realTree(t)
	before := stamps(t, tree.Dir)
	files := []string{
		"fs/proc/meminfo.c", "kernel/sched/rt.c", "lib/bug.c", "lib/crc32.c", "lib/gen_crc32table.c",
		"fs/xfs/libxfs/xfs_ag.c", "fs/xfs/scrub/dir.c", "virt/kvm/kvm_main.c",
		"arch/x86/entry/vdso/vclock_gettime.c", "arch/arm/kernel/setup.c", "fs/proc/no-such-file.c", "fs/proc/Makefile",
	}
	want := map[string][]string{ // source: object, kind, owner, changed
		"fs/proc/meminfo.c":           {"fs/proc/meminfo.o", "vmlinux", "vmlinux", "fs/proc/meminfo.c"},
		"kernel/sched/build_policy.c": {"kernel/sched/build_policy.o", "vmlinux", "vmlinux", "kernel/sched/rt.c"},
		"lib/bug.c":                   {"lib/bug.o", "library", "vmlinux", "lib/bug.c"},
		"lib/crc32.c":                 {"lib/crc32.o", "vmlinux", "vmlinux", "lib/crc32.c"},
		"fs/xfs/libxfs/xfs_ag.c":      {"fs/xfs/libxfs/xfs_ag.o", "module", "xfs", "fs/xfs/libxfs/xfs_ag.c"},
		"virt/kvm/kvm_main.c":         {"arch/x86/kvm/../../../virt/kvm/kvm_main.o", "module", "kvm", "virt/kvm/kvm_main.c"},
	}
	wantCodes := map[string]string{
		"lib/gen_crc32table.c":                 "build-file",
		"fs/xfs/scrub/dir.c":                   "not-in-kernel",
		"arch/x86/entry/vdso/vclock_gettime.c": "other-image",
		"arch/arm/kernel/setup.c":              "not-in-kernel",
		"fs/proc/Makefile":                     "build-file",
	}
	for _, round := range []string{"cold", "warm"} {
		units, diags, err := (&Planner{tree}).Plan(context.Background(), files)
		if err != nil {
			t.Fatalf("%s: %v %q", round, err, fault.Hints(err))
		}
		got, codes := map[string][]string{}, map[string]string{}
		for _, u := range units {
			got[u.Source] = append([]string{u.Object, string(u.Kind), strings.Join(u.Owners(), " ")}, u.Changed...)
		}
		for _, d := range diags {
			codes[d.Source] = string(d.Code)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: units: %s", round, diff)
		}
		if diff := cmp.Diff(wantCodes, codes); diff != "" {
			t.Errorf("%s: diagnostics: %s", round, diff)
		}
		t.Setenv("PATH", "") // the warm plan runs nothing
	}
	if diff := cmp.Diff(before, stamps(t, tree.Dir)); diff != "" {
		t.Errorf("planning wrote to the tree: %s", diff)
	}
}

// TestRealPlanTogether has a file that a sibling directory builds. Its place must not depend on the
// other files that are planned.
func TestRealPlanTogether(t *testing.T) {
	tree := realTree(t)
	const file, neighbour = "drivers/gpu/drm/amd/display/dc/dce/dce_scl_filters.c",
		"drivers/gpu/drm/amd/amdgpu/amdgpu_device.c"
	for _, files := range [][]string{{file, neighbour}, {file}} {
		tree.CacheDir = t.TempDir()
		units, diags, err := (&Planner{tree}).Plan(context.Background(), files)
		if err != nil || len(diags) > 0 || len(units) != len(files) {
			t.Fatalf("%v: %v, %v, %v", files, units, diags, err)
		}
		for _, u := range units {
			if u.Source == file && (u.Object != "drivers/gpu/drm/amd/amdgpu/../display/dc/dce/dce_scl_filters.o" ||
				!slices.Equal(u.Owners(), []string{"amdgpu"})) {
				t.Errorf("%v: %s of %s", files, u.Object, u.Owners())
			}
		}
	}
}

// TestRealCompile compiles the same source as original and as patched. One of the units needs a
// generated header.
func TestRealCompile(t *testing.T) {
	tree := realTree(t)
	before := stamps(t, tree.Dir)
	files := []string{"fs/proc/meminfo.c", "lib/crc32.c"}
	units, diags, err := (&Planner{tree}).Plan(context.Background(), files)
	if err != nil || len(diags) > 0 || len(units) != 2 {
		t.Fatalf("plan: %v, %v, %v", units, diags, err)
	}
	overlay := map[string][]byte{}
	for _, file := range files {
		if overlay[file], err = os.ReadFile(filepath.Join(tree.Dir, file)); err != nil {
			t.Fatal(err)
		}
	}
	pairs, err := (&compile.Compiler{Tree: tree}).Compile(context.Background(), units, overlay, t.TempDir())
	if err != nil {
		t.Fatal(err, fault.Hints(err))
	}
	for _, p := range pairs {
		if !bytes.Equal(p.Original, p.Patched) {
			t.Errorf("%s: the same source gives different objects", p.Unit.Source)
		}
		if !bytes.Contains(p.Original, []byte(".orc_unwind")) {
			t.Errorf("%s: objtool has not processed the object", p.Unit.Source)
		}
		if bytes.Contains(p.Original, []byte(tree.Dir)) || bytes.Contains(p.Patched, []byte(os.TempDir())) {
			t.Errorf("%s: the object contains a path of this machine", p.Unit.Source)
		}
	}
	if !slices.Contains(pairs[1].Deps, "lib/crc32table.h") {
		t.Error("the generated header is not among the dependencies")
	}
	if diff := cmp.Diff(before, stamps(t, tree.Dir)); diff != "" {
		t.Errorf("compiling wrote to the tree: %s", diff)
	}
}
