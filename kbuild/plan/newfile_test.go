package kbuild

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestNewObjects has new files named by real makefiles and sees what they
// become part of, or why they do not.
func TestNewObjects(t *testing.T) {
	tree := realTree(t)
	objects := []NewObject{
		{"fs/proc/new1.c", "fs/proc/Makefile", "proc", "y"},
		{"fs/proc/new2.c", "fs/proc/Makefile", "obj", "y"},
		{"fs/proc/new3.c", "fs/proc/Makefile", "proc", "CONFIG_NET"},
		{"fs/proc/new4.c", "fs/proc/Makefile", "proc", "CONFIG_NO_SUCH"},
		{"fs/proc/new5.c", "fs/proc/Makefile", "obj", "m"},
		{"fs/proc/new6.c", "fs/proc/Makefile", "obj", "CONFIG_XFS_FS"},
		{"fs/proc/new7.c", "fs/proc/Makefile", "version", "y"},
		{"fs/proc/new8.c", "fs/proc/Makefile", "proc", "m"},
		{"fs/proc/sub/new.c", "fs/proc/Makefile", "proc", "objs"},
		{"fs/xfs/new1.c", "fs/xfs/Makefile", "xfs", "y"},
		{"fs/xfs/scrub/new2.c", "fs/xfs/Makefile", "xfs", "CONFIG_XFS_QUOTA"},
		{"fs/xfs/new3.c", "fs/xfs/Makefile", "obj", "y"},
		{"fs/no-such/new.c", "fs/no-such/Makefile", "obj", "y"},
		{"lib/new.c", "lib/Makefile", "lib", "y"},
	}
	units, diags, err := tree.PlanNew(t.Context(), objects)
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
		"warning not-in-kernel: fs/proc/new4.c is not compiled into this kernel: CONFIG_NO_SUCH is not set in this kernel's config",
		"error build-file: fs/proc/new5.c would be a module of its own, and a livepatch changes what is loaded already",
		"error build-file: fs/proc/new6.c would be a module of its own, and a livepatch changes what is loaded already",
		"error build-file: version.o is not made of several objects in this kernel, so fs/proc/new7.c cannot become part of it",
		"warning not-in-kernel: fs/proc/new8.c is not compiled into this kernel: proc.o is not a module in this kernel's config",
		"warning not-in-kernel: fs/xfs/new3.c is not compiled into this kernel: nothing of fs/xfs is built into the kernel",
		"warning not-in-kernel: fs/no-such/new.c is not compiled into this kernel: fs/no-such is not built with this kernel's config",
		"error build-file: lib.o is not made of several objects in this kernel, so lib/new.c cannot become part of it",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestNewLikeOld asks for the commands of new files beside old ones of the
// same object, and sees that they differ in the file's name only.
func TestNewLikeOld(t *testing.T) {
	tree := realTree(t)
	for _, c := range []struct{ old, list string }{
		{"fs/proc/version.c", "proc"},
		{"fs/xfs/xfs_mount.c", "xfs"},
		{"fs/xfs/libxfs/xfs_ag.c", "xfs"},
		{"net/ipv4/tcp_input.c", "obj"},
	} {
		olds, _, err := tree.Plan(t.Context(), []string{c.old})
		if err != nil || len(olds) != 1 {
			t.Fatalf("%s: %d units, %v", c.old, len(olds), err)
		}
		source := strings.TrimSuffix(c.old, ".c") + "_new.c"
		makefile := strings.Join(strings.Split(c.old, "/")[:2], "/") + "/Makefile"
		news, diags, err := tree.PlanNew(t.Context(), []NewObject{{source, makefile, c.list, "y"}})
		if err != nil || len(news) != 1 {
			t.Fatalf("%s: %d units, %v, %v", source, len(news), diags, err)
		}
		old, patched := olds[0], news[0]
		for i, w := range patched.compile {
			patched.compile[i] = strings.ReplaceAll(w, "_new", "")
		}
		if diff := cmp.Diff(old.compile, patched.compile); diff != "" {
			t.Errorf("%s: compiler (-old +new):\n%s", source, diff)
		}
		if diff := cmp.Diff(old.objtool, patched.objtool); diff != "" {
			t.Errorf("%s: objtool (-old +new):\n%s", source, diff)
		}
	}
}

// TestNewObject compiles a new file: its original is the object of an empty one.
func TestNewObject(t *testing.T) {
	tree := realTree(t)
	units, _, err := tree.PlanNew(t.Context(), []NewObject{{"fs/proc/new.c", "fs/proc/Makefile", "proc", "y"}})
	if err != nil {
		t.Fatal(err)
	}
	overlay := map[string][]byte{"fs/proc/new.c": []byte("#include \"internal.h\"\nint new_function(void); int new_function(void) { return 1; }\n")}
	pairs, err := tree.Compile(t.Context(), units, overlay, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	name := []byte("new_function")
	if p := pairs[0]; bytes.Contains(p.Original, name) || !bytes.Contains(p.Patched, name) {
		t.Error("the new function is not in the patched object alone")
	}
	if !slices.Contains(pairs[0].Deps, "fs/proc/internal.h") {
		t.Errorf("dependencies %q", pairs[0].Deps)
	}
}
