package plan

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"kintsugi/internal/makefile"
	"kintsugi/kbuild/compile"

	"github.com/google/go-cmp/cmp"
)

// TestNewObjects adds files to real makefiles. It checks what they become part of, or why they are
// refused.
func TestNewObjects(t *testing.T) {
	tree := realTree(t)
	objects := []makefile.Object{
		{Source: "fs/proc/new1.c", Place: "fs/proc/Makefile:1", List: "proc", When: "y"},
		{Source: "fs/proc/new2.c", Place: "fs/proc/Makefile:1", List: "obj", When: "y"},
		{Source: "fs/proc/new3.c", Place: "fs/proc/Makefile:1", List: "proc", When: "CONFIG_NET"},
		{Source: "fs/proc/new4.c", Place: "fs/proc/Makefile:1", List: "proc", When: "CONFIG_NO_SUCH"},
		{Source: "fs/proc/new5.c", Place: "fs/proc/Makefile:1", List: "obj", When: "m"},
		{Source: "fs/proc/new6.c", Place: "fs/proc/Makefile:1", List: "obj", When: "CONFIG_XFS_FS"},
		{Source: "fs/proc/new7.c", Place: "fs/proc/Makefile:1", List: "version", When: "y"},
		{Source: "fs/proc/new8.c", Place: "fs/proc/Makefile:1", List: "proc", When: "m"},
		{Source: "fs/proc/sub/new.c", Place: "fs/proc/Makefile:1", List: "proc", When: "objs"},
		{Source: "fs/xfs/new1.c", Place: "fs/xfs/Makefile:1", List: "xfs", When: "y"},
		{Source: "fs/xfs/scrub/new2.c", Place: "fs/xfs/Makefile:1", List: "xfs", When: "CONFIG_XFS_QUOTA"},
		{Source: "fs/xfs/new3.c", Place: "fs/xfs/Makefile:1", List: "obj", When: "y"},
		{Source: "fs/no-such/new.c", Place: "fs/no-such/Makefile:1", List: "obj", When: "y"},
		{Source: "lib/new.c", Place: "lib/Makefile:1", List: "lib", When: "y"},
	}
	units, diags, err := (&Planner{tree}).PlanNew(t.Context(), objects)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, u := range units {
		if !u.New || u.Changed[0] != u.Source {
			t.Errorf("%+v", u)
		}
		got = append(got, strings.Join([]string{u.Object, string(u.Kind), u.ModName, u.ModFile}, " "))
	}
	for _, d := range diags {
		got = append(got, string(d.Severity)+" "+string(d.Code)+": "+d.Message)
	}
	want := []string{
		"fs/proc/new1.o vmlinux proc fs/proc/proc",
		"fs/proc/new2.o vmlinux new2 fs/proc/new2",
		"fs/proc/new3.o vmlinux proc fs/proc/proc",
		"fs/proc/sub/new.o vmlinux proc fs/proc/proc",
		"fs/xfs/new1.o module xfs ",
		"fs/xfs/scrub/new2.o module xfs ",
		"warning not-in-kernel: fs/proc/new4.c is not compiled into this kernel: CONFIG_NO_SUCH is not set in this " +
			"kernel's config",
		"error build-file: fs/proc/new5.c would be a module of its own, but a livepatch only changes loaded code",
		"error build-file: fs/proc/new6.c would be a module of its own, but a livepatch only changes loaded code",
		"error build-file: version.o is not made of several objects in this kernel, so fs/proc/new7.c cannot become part " +
			"of it",
		"warning not-in-kernel: fs/proc/new8.c is not compiled into this kernel: proc.o is not a module in this kernel's " +
			"config",
		"warning not-in-kernel: fs/xfs/new3.c is not compiled into this kernel: nothing of fs/xfs is built into the kernel",
		"warning not-in-kernel: fs/no-such/new.c is not compiled into this kernel: fs/no-such is not built with this " +
			"kernel's config",
		"error build-file: lib.o is not made of several objects in this kernel, so lib/new.c cannot become part of it",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestNewLikeOld compares the commands of new files with those of old files in the same object.
// They differ only in the file's name.
func TestNewLikeOld(t *testing.T) {
	tree := realTree(t)
	for _, c := range []struct{ old, list string }{
		{"fs/proc/version.c", "proc"},
		{"fs/xfs/xfs_mount.c", "xfs"},
		{"fs/xfs/libxfs/xfs_ag.c", "xfs"},
		{"net/ipv4/tcp_input.c", "obj"},
	} {
		olds, _, err := (&Planner{tree}).Plan(t.Context(), []string{c.old})
		if err != nil || len(olds) != 1 {
			t.Fatalf("%s: %d units, %v", c.old, len(olds), err)
		}
		source := strings.TrimSuffix(c.old, ".c") + "_new.c"
		file := strings.Join(strings.Split(c.old, "/")[:2], "/") + "/Makefile"
		news, diags, err := (&Planner{tree}).
			PlanNew(t.Context(), []makefile.Object{{Source: source, Place: file + ":1", List: c.list, When: "y"}})
		if err != nil || len(news) != 1 {
			t.Fatalf("%s: %d units, %v, %v", source, len(news), diags, err)
		}
		old, patched := olds[0], news[0]
		for i, w := range patched.Compile {
			patched.Compile[i] = strings.ReplaceAll(w, "_new", "")
		}
		if diff := cmp.Diff(old.Compile, patched.Compile); diff != "" {
			t.Errorf("%s: compiler (-old +new):\n%s", source, diff)
		}
		if diff := cmp.Diff(old.Objtool, patched.Objtool); diff != "" {
			t.Errorf("%s: objtool (-old +new):\n%s", source, diff)
		}
	}
}

// TestNewObject compiles a new file. Its original is the object of an empty file.
func TestNewObject(t *testing.T) {
	tree := realTree(t)
	units, _, err := (&Planner{tree}).
		PlanNew(t.Context(), []makefile.Object{{Source: "fs/proc/new.c", Place: "fs/proc/Makefile:1", List: "proc",
			When: "y"}})
	if err != nil {
		t.Fatal(err)
	}
	overlay := map[string][]byte{"fs/proc/new.c": []byte("#include \"internal.h\"\nint new_function(void); int " +
		"new_function(void) { return 1; }\n")}
	pairs, err := (&compile.Compiler{Tree: tree}).Compile(t.Context(), units, overlay, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	name := []byte("new_function")
	if p := pairs[0]; bytes.Contains(p.Original, name) || !bytes.Contains(p.Patched, name) {
		t.Error("the new function is not only in the patched object")
	}
	if !slices.Contains(pairs[0].Deps, "fs/proc/internal.h") {
		t.Errorf("dependencies %q", pairs[0].Deps)
	}
}
