package kbuild

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

	"kintsugi/internal/fault"
	"kintsugi/internal/testenv"
)

// realTree returns the prepared tree that the tests of the real thing run on.
func realTree(t *testing.T) *Tree {
	t.Helper()
	kernel := testenv.Kernel(t)
	return &Tree{Dir: kernel.Source, CC: kernel.CC, CacheDir: t.TempDir(), Jobs: 2}
}

// stamps returns every file of a tree with size and time of change, and every
// directory.
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
		units, diags, err := tree.Plan(context.Background(), files)
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

// TestRealPlanTogether has a file that a directory beside its own builds: where
// it belongs does not depend on what else is asked.
func TestRealPlanTogether(t *testing.T) {
	tree := realTree(t)
	const file, neighbour = "drivers/gpu/drm/amd/display/dc/dce/dce_scl_filters.c", "drivers/gpu/drm/amd/amdgpu/amdgpu_device.c"
	for _, files := range [][]string{{file, neighbour}, {file}} {
		tree.CacheDir = t.TempDir()
		units, diags, err := tree.Plan(context.Background(), files)
		if err != nil || len(diags) > 0 || len(units) != len(files) {
			t.Fatalf("%v: %v, %v, %v", files, units, diags, err)
		}
		for _, u := range units {
			if u.Source == file && (u.Object != "drivers/gpu/drm/amd/amdgpu/../display/dc/dce/dce_scl_filters.o" || !slices.Equal(u.Owners(), []string{"amdgpu"})) {
				t.Errorf("%v: %s of %s", files, u.Object, u.Owners())
			}
		}
	}
}

// TestRealCompile compiles the same source as original and as patched, a unit
// that wants a generated header among them.
func TestRealCompile(t *testing.T) {
	tree := realTree(t)
	before := stamps(t, tree.Dir)
	files := []string{"fs/proc/meminfo.c", "lib/crc32.c"}
	units, diags, err := tree.Plan(context.Background(), files)
	if err != nil || len(diags) > 0 || len(units) != 2 {
		t.Fatalf("plan: %v, %v, %v", units, diags, err)
	}
	overlay := map[string][]byte{}
	for _, file := range files {
		if overlay[file], err = os.ReadFile(filepath.Join(tree.Dir, file)); err != nil {
			t.Fatal(err)
		}
	}
	pairs, err := tree.Compile(context.Background(), units, overlay, t.TempDir())
	if err != nil {
		t.Fatal(err, fault.Hints(err))
	}
	for _, p := range pairs {
		if !bytes.Equal(p.Original, p.Patched) {
			t.Errorf("%s: the same source gives different objects", p.Unit.Source)
		}
		if !bytes.Contains(p.Original, []byte(".orc_unwind")) {
			t.Errorf("%s: objtool has not seen the object", p.Unit.Source)
		}
		if bytes.Contains(p.Original, []byte(tree.Dir)) || bytes.Contains(p.Patched, []byte(os.TempDir())) {
			t.Errorf("%s: a path of this machine is in the object", p.Unit.Source)
		}
	}
	if !slices.Contains(pairs[1].Deps, "lib/crc32table.h") {
		t.Error("the generated header is no dependency")
	}
	if diff := cmp.Diff(before, stamps(t, tree.Dir)); diff != "" {
		t.Errorf("compiling wrote to the tree: %s", diff)
	}
}

// TestRealGenerate makes files of a directory that kbuild visits by itself and
// of the one above it, one at a time: the latter's make comes first.
func TestRealGenerate(t *testing.T) {
	tree := realTree(t)
	tree.Jobs = 1
	needs := []string{"arch/x86/kernel/cpu/capflags.c", "arch/x86/lib/inat-tables.c"}
	files, err := tree.generate(context.Background(), needs, filepath.Join(t.TempDir(), "tree"))
	if err != nil {
		t.Fatal(err, fault.Hints(err))
	}
	for _, file := range needs {
		if len(files[file]) == 0 {
			t.Errorf("%s was not made", file)
		}
	}
	if _, err := tree.generate(context.Background(), []string{"lib/no-such.c"}, filepath.Join(t.TempDir(), "tree")); fault.ClassOf(err) != fault.Environment {
		t.Errorf("a file that nothing makes: %v", err)
	} else if hints := fault.Hints(err); !strings.Contains(strings.Join(hints, "\n"), "No rule to make target") {
		t.Errorf("make's reason is not among %q", hints)
	}
}
