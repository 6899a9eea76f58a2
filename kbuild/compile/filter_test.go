package compile

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"kintsugi/internal/diag"
	"kintsugi/internal/fault"
	"kintsugi/kbuild"
)

// counting runs the compiler through a script that writes a line for each run. It returns a
// function that counts the runs.
func counting(t *testing.T, tree *kbuild.Tree) func() int {
	t.Helper()
	dir := t.TempDir()
	script, log := filepath.Join(dir, "launcher"), filepath.Join(dir, "log")
	write(t, script, "#!/bin/sh\necho \"$@\" >> "+log+"\nexec \"$@\"\n")
	if err := os.Chmod(script, 0o755); err != nil {
		t.Fatal(err)
	}
	tree.Launcher = []string{script}
	return func() int {
		text, _ := os.ReadFile(log)
		return strings.Count(string(text), "\n")
	}
}

// TestCompileHeaders has header changes for each reason why a unit does not change, and one that
// changes it.
func TestCompileHeaders(t *testing.T) {
	tree, unit := smallTree(t)
	tree.CacheDir = t.TempDir()
	compilers := counting(t, tree)
	const header = "drivers/x/value.h"
	for _, c := range []struct {
		name, file, text string
		pairs, compiled  int
		read             []string
	}{
		{"comment", header, "/* */\n#define VALUE 1\n", 0, 0, []string{header}},
		{"unused macro", header, "#define VALUE 1\n#define OTHER 2\n", 0, 0, []string{header}},
		{"unused function", header, "#define VALUE 1\nstatic inline int f(void) { return 2; }\n", 0, 0, []string{header}},
		{"unused declaration", header, "#define VALUE 1\nint f(void);\n", 0, 2, []string{header}},
		{"not read", "drivers/x/other.h", "#define VALUE 1\n", 0, 0, nil},
		{"another value", header, "#define VALUE 2\n", 1, 1, []string{header}}, // the original is cached by now
		{"another line", header, "\n\n#define VALUE __LINE__\n", 1, 1, []string{header}},
	} {
		t.Run(c.name, func(t *testing.T) {
			before, ran := snapshot(t, tree.Dir), compilers()
			if c.file != header {
				write(t, filepath.Join(tree.Dir, c.file), "")
				before[filepath.Join(tree.Dir, c.file)] = ""
			}
			overlay := map[string][]byte{c.file: []byte(c.text)}
			pairs, read, err := (&Compiler{tree}).CompileHeaders(context.Background(), []kbuild.Unit{unit}, overlay, t.TempDir())
			if err != nil {
				t.Fatal(err, fault.Hints(err))
			}
			if len(pairs) != c.pairs {
				t.Errorf("%d pairs, want %d", len(pairs), c.pairs)
			}
			if diff := cmp.Diff(c.read, read, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("read: %s", diff)
			}
			if n := compilers() - ran; n != c.compiled {
				t.Errorf("the compiler ran %d times, want %d", n, c.compiled)
			}
			if diff := cmp.Diff(before, snapshot(t, tree.Dir)); diff != "" {
				t.Errorf("the tree was written to: %s", diff)
			}
			for _, p := range pairs {
				sameAsWhole(t, tree, p, overlay)
			}
		})
	}
}

// sameAsWhole compares objects that were compiled in two steps with objects compiled in one.
func sameAsWhole(t *testing.T, tree *kbuild.Tree, p kbuild.Pair, overlay map[string][]byte) {
	t.Helper()
	whole, err := (&Compiler{tree}).Compile(context.Background(), []kbuild.Unit{p.Unit}, overlay, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if !SameCode(p.Original, whole[0].Original) || !SameCode(p.Patched, whole[0].Patched) {
		t.Error("compiling in one step gives other code")
	}
	if SameCode(p.Original, p.Patched) {
		t.Error("the objects of a pair are equal")
	}
	if diff := cmp.Diff(whole[0].Deps, p.Deps); diff != "" {
		t.Errorf("dependencies: %s", diff)
	}
}

func TestCompileHeadersErrors(t *testing.T) {
	tree, unit := smallTree(t)
	for text, code := range map[string]diag.Code{"#define VALUE {\n": "patch-compile", "#error no\n": "patch-compile"} {
		_, _, err := (&Compiler{tree}).
			CompileHeaders(context.Background(), []kbuild.Unit{unit, unit},
				map[string][]byte{"drivers/x/value.h": []byte(text)}, t.TempDir())
		if fault.CodeOf(err) != code || !strings.Contains(err.Error(), "rror: ") {
			t.Errorf("%q: %v", text, err)
		}
	}
	write(t, filepath.Join(tree.Dir, "fs/a.c"), "#include <trace/define.h>\nint broken\n")
	_, _, err := (&Compiler{tree}).
		CompileHeaders(context.Background(), []kbuild.Unit{unit},
			map[string][]byte{"drivers/x/value.h": []byte("#define V 3\nint more;\n")}, t.TempDir())
	if fault.ClassOf(err) != fault.Environment {
		t.Errorf("a tree that does not compile: %v", err)
	}
}

// TestOriginals damages cached files. They must count as absent.
func TestOriginals(t *testing.T) {
	tree, unit := smallTree(t)
	tree.CacheDir = t.TempDir()
	overlay := map[string][]byte{"drivers/x/value.h": []byte("#define VALUE 5\n")}
	compile := func() []kbuild.Pair {
		pairs, _, err := (&Compiler{tree}).CompileHeaders(context.Background(), []kbuild.Unit{unit}, overlay, t.TempDir())
		if err != nil {
			t.Error(err)
		}
		return pairs
	}
	want := compile()
	files := snapshot(t, tree.CacheDir)
	if len(files) != 2 {
		t.Fatalf("%d files are kept", len(files))
	}
	for name, text := range files {
		for _, damaged := range []string{"", text[:len(text)-1], text[:len(text)/2] + "x" + text[len(text)/2+1:]} {
			write(t, name, damaged)
			if diff := cmp.Diff(want, compile()); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
	}
	var group sync.WaitGroup
	for range 4 { // some writing, some reading
		group.Add(1)
		go func() {
			defer group.Done()
			if diff := cmp.Diff(want, compile()); diff != "" {
				t.Error(diff)
			}
		}()
	}
	group.Wait()
}

func TestPruneDir(t *testing.T) {
	dir := t.TempDir()
	for i, name := range []string{"a/old", "b/new", "a/.tmp-1", "b/mid"} {
		file := filepath.Join(dir, name)
		write(t, file, strings.Repeat("x", 100))
		when := time.Now().Add(-time.Duration([]int{4, 1, 0, 2}[i]) * time.Minute)
		if err := os.Chtimes(file, when, when); err != nil {
			t.Fatal(err)
		}
	}
	pruneDir(dir, 400)
	if n := len(snapshot(t, dir)); n != 4 {
		t.Errorf("%d files are left, 4 are allowed", n)
	}
	pruneDir(dir, 399)
	left := snapshot(t, dir)
	if _, ok := left[filepath.Join(dir, "a/old")]; ok || len(left) != 2 {
		t.Errorf("left: %v", left)
	}
	pruneDir(filepath.Join(dir, "none"), 0)
}

// TestLauncher compiles through launchers that people use.
func TestLauncher(t *testing.T) {
	tree, unit := smallTree(t)
	overlay := map[string][]byte{"drivers/x/value.h": []byte("#define VALUE 7\n")}
	want, err := (&Compiler{tree}).Compile(context.Background(), []kbuild.Unit{unit}, overlay, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	compilers := counting(t, tree)
	got, err := (&Compiler{tree}).Compile(context.Background(), []kbuild.Unit{unit}, overlay, t.TempDir())
	if err != nil || compilers() < 2 {
		t.Fatalf("%d runs, %v", compilers(), err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	tree.Launcher = []string{"/no/such/launcher"}
	if _, err := (&Compiler{tree}).
		Compile(context.Background(), []kbuild.Unit{unit}, overlay, t.TempDir()); fault.ClassOf(err) != fault.Environment {
		t.Errorf("a missing launcher: %v", err)
	}
}

// TestCcache requires that all objects come from the cache the second time.
func TestCcache(t *testing.T) {
	if _, err := exec.LookPath("ccache"); err != nil {
		t.Skip("ccache is not installed")
	}
	tree, unit := smallTree(t)
	t.Setenv("CCACHE_DIR", t.TempDir())
	overlay := map[string][]byte{"drivers/x/value.h": []byte("#define VALUE 7\n")}
	run := func() []kbuild.Pair {
		pairs, _, err := (&Compiler{tree}).CompileHeaders(context.Background(), []kbuild.Unit{unit}, overlay, t.TempDir())
		if err != nil || len(pairs) != 1 {
			t.Fatal(pairs, err)
		}
		return pairs
	}
	want := run()
	tree.Launcher = []string{"ccache"}
	for range 2 {
		if diff := cmp.Diff(want, run()); diff != "" {
			t.Error(diff)
		}
	}
	out, err := exec.Command("ccache", "--print-stats").Output()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(out), "cache_miss\t2\n") || !hit(string(out)) {
		t.Errorf("statistics of ccache:\n%s", out)
	}
}

func hit(stats string) bool {
	return strings.Contains(stats, "direct_cache_hit\t2\n") || strings.Contains(stats, "preprocessed_cache_hit\t2\n")
}
