package compile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kintsugi/internal/fault"
	"kintsugi/kbuild"
)

// smallTree writes a source tree in which a unit includes a header through another directory, as
// with include/trace/define_trace.h.
func smallTree(t *testing.T) (*kbuild.Tree, kbuild.Unit) {
	t.Helper()
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("no gcc")
	}
	tree := &kbuild.Tree{Dir: t.TempDir(), CC: "gcc", Jobs: 2}
	for file, text := range map[string]string{
		"fs/a.c": "#include <trace/define.h>\nint a(void) { return VALUE; }\nconst char *file(void) { " +
			"return __FILE__; }\n",
		"include/trace/define.h": "#include \"../../drivers/x/value.h\"\n",
		"drivers/x/value.h":      "#define VALUE 1\n",
	} {
		write(t, filepath.Join(tree.Dir, file), text)
	}
	words := strings.Fields("gcc -Wp,-MMD,fs/.a.o.d -nostdinc -I./include -O2 -g -c -o fs/a.o fs/a.c")
	return tree, kbuild.Unit{Source: "fs/a.c", Object: "fs/a.o", Kind: kbuild.Vmlinux, Changed: []string{"fs/a.c"},
		Compile: words}
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

// snapshot returns every file of a tree with its content.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		all[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func compileOne(t *testing.T, tree *kbuild.Tree, u kbuild.Unit, overlay map[string][]byte) (kbuild.Pair, error) {
	t.Helper()
	before := snapshot(t, tree.Dir)
	pairs, err := (&Compiler{tree}).Compile(context.Background(), []kbuild.Unit{u}, overlay, t.TempDir())
	if !maps.Equal(before, snapshot(t, tree.Dir)) {
		t.Error("the tree was written to")
	}
	if err != nil {
		return kbuild.Pair{}, err
	}
	return pairs[0], nil
}

func TestCompile(t *testing.T) {
	tree, unit := smallTree(t)
	text := []byte("#include <trace/define.h>\nint a(void) { return VALUE + 1; }\nconst char *file(void) { return " +
		"__FILE__; }\n")
	p, err := compileOne(t, tree, unit, map[string][]byte{"fs/a.c": text})
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(p.Original, p.Patched) {
		t.Error("the object does not contain the patch")
	}
	for _, object := range [][]byte{p.Original, p.Patched} {
		if !bytes.Contains(object, []byte("\x00fs/a.c\x00")) || bytes.Contains(object, []byte(os.TempDir())) {
			t.Error("a path in the object is not the path in the tree")
		}
	}
	if diff := cmp.Diff([]string{"drivers/x/value.h", "fs/a.c", "include/trace/define.h"}, p.Deps); diff != "" {
		t.Error(diff)
	}
}

// TestCompileAscent replaces a header that the compiler reaches through a linked directory and
// "..".
func TestCompileAscent(t *testing.T) {
	tree, unit := smallTree(t)
	p, err := compileOne(t, tree, unit, map[string][]byte{"drivers/x/value.h": []byte("#define VALUE 7\n")})
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(p.Original, p.Patched) {
		t.Error("the patched unit was compiled from the pristine header")
	}
}

// TestCompileAscentNeeded has a unit that needs what the patch adds to such a header.
func TestCompileAscentNeeded(t *testing.T) {
	tree, unit := smallTree(t)
	_, err := compileOne(t, tree, unit, map[string][]byte{
		"drivers/x/value.h": []byte("#define VALUE 7\n#define ADDED 8\n"),
		"fs/a.c":            []byte("#include <trace/define.h>\nint a(void) { return ADDED; }\n"),
	})
	if err != nil {
		t.Error(err)
	}
}

func TestCompileSameBytesAnywhere(t *testing.T) {
	tree, unit := smallTree(t)
	text, err := os.ReadFile(filepath.Join(tree.Dir, "fs/a.c"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := compileOne(t, tree, unit, map[string][]byte{"fs/a.c": text})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(p.Original, p.Patched) {
		t.Error("the same source at two places gives different objects")
	}
}

func TestCompileAddedAndDeleted(t *testing.T) {
	tree, unit := smallTree(t)
	_, err := compileOne(t, tree, unit, map[string][]byte{"drivers/x/value.h": nil})
	if fault.CodeOf(err) != "patch-compile" {
		t.Errorf("a deleted header: %v", err)
	}
	p, err := compileOne(t, tree, unit, map[string][]byte{
		"fs/a.c":          []byte("#include \"new/new.h\"\nint a(void) { return NEW; }\n"),
		"fs/new/new.h":    []byte("#define NEW 3\n"),
		"fs/new/unused.c": []byte("int x;\n"),
	})
	if err != nil {
		t.Fatal(err)
	}
	reached := kbuild.Reached([]kbuild.Pair{p})
	missing := slices.DeleteFunc([]string{"fs/a.c", "fs/new/new.h", "fs/new/unused.c"},
		func(f string) bool { return slices.Contains(reached, f) })
	if diff := cmp.Diff([]string{"fs/new/unused.c"}, missing); diff != "" {
		t.Error(diff)
	}
}

func TestCompileErrors(t *testing.T) {
	tree, unit := smallTree(t)
	broken := []byte("int a(void) { return nowhere; }\n")
	_, err := compileOne(t, tree, unit, map[string][]byte{"fs/a.c": broken})
	if fault.ClassOf(err) != fault.Input || fault.CodeOf(err) != "patch-compile" ||
		!strings.HasPrefix(err.Error(), "the patched source does not compile: fs/a.c:1:22: error: ") {
		t.Errorf("broken patch: %v (class %v)", err, fault.ClassOf(err))
	}
	if len(fault.Hints(err)) == 0 {
		t.Error("the compiler's output is not among the hints")
	}
	_, err = compileOne(t, tree, unit, map[string][]byte{"fs/a.c": []byte("void a(void) { asm(\"nonsense\"); }\n")})
	if fault.CodeOf(err) != "patch-compile" ||
		!strings.HasPrefix(err.Error(), "the patched source does not compile: fs/a.c:1: Error: ") {
		t.Errorf("broken assembly: %v (class %v)", err, fault.ClassOf(err))
	}
	if _, err = compileOne(t, tree, unit, map[string][]byte{"fs/a.c": nil}); fault.CodeOf(err) != "patch-compile" {
		t.Errorf("deleted source: %v", err)
	}
	write(t, filepath.Join(tree.Dir, "fs/a.c"), string(broken))
	_, err = compileOne(t, tree, unit, map[string][]byte{"fs/a.c": broken})
	if fault.ClassOf(err) != fault.Environment || !strings.Contains(err.Error(), "original fs/a.c") {
		t.Errorf("broken kernel: %v (class %v)", err, fault.ClassOf(err))
	}
	unit.Compile[0] = "no-such-compiler"
	if _, err = compileOne(t, tree, unit, nil); fault.ClassOf(err) != fault.Environment {
		t.Errorf("no compiler: %v", err)
	}
}

func TestCompileTwoAtOnce(t *testing.T) {
	tree, unit := smallTree(t)
	var group sync.WaitGroup
	objects := make([][]byte, 2)
	for i := range objects {
		overlay := map[string][]byte{"drivers/x/value.h": fmt.Appendf(nil, "#define VALUE %d\n", i+5)}
		group.Go(func() {
			pairs, err := (&Compiler{tree}).Compile(context.Background(), []kbuild.Unit{unit}, overlay, t.TempDir())
			if err != nil {
				t.Error(err)
				return
			}
			objects[i] = pairs[0].Patched
		})
	}
	group.Wait()
	if bytes.Equal(objects[0], objects[1]) {
		t.Error("two patches give the same object")
	}
}

func TestCompileRefusesPaths(t *testing.T) {
	tree, unit := smallTree(t)
	for _, file := range []string{"../a.c", "/a.c", "fs/../../a.c"} {
		if _, err := compileOne(t, tree, unit, map[string][]byte{file: []byte("x")}); fault.ClassOf(err) != fault.Input {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestCompileCanceled(t *testing.T) {
	tree, unit := smallTree(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := (&Compiler{tree}).Compile(ctx, []kbuild.Unit{unit}, nil, t.TempDir()); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestOutside(t *testing.T) {
	in := strings.Fields("gcc -Wp,-MMD,fs/.a.o.d -O2 -g -gdwarf-5 -gz=zlib -c -o fs/a.o fs/a.c")
	want := strings.Fields("gcc -Wp,-MMD,/w/fs/a.o.d -O2 -gdwarf-5 -c -o /w/fs/a.o fs/a.c -pipe -g1 " +
		"-ffunction-sections -fdata-sections -fdebug-prefix-map=/tree=.")
	if diff := cmp.Diff(want, outside(in, "/w/fs/a.o", "/tree")); diff != "" {
		t.Error(diff)
	}
}
