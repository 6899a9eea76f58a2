package patchfile

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"kintsugi/internal/command"
	"kintsugi/internal/ctext"
	"kintsugi/internal/fault"
	"kintsugi/internal/testenv"
)

// TestApplyOnDisk: files that are not plainly in the tree are refused.
func TestApplyOnDisk(t *testing.T) {
	dir := t.TempDir()
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	write := func(name string) {
		must(os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o777))
		must(os.WriteFile(filepath.Join(dir, name), []byte("a\n"), 0o666))
	}
	write("tree/fs/x.c")
	write("outside.c")
	must(os.Symlink("../../outside.c", filepath.Join(dir, "tree/fs/out.c")))
	must(os.Symlink("x.c", filepath.Join(dir, "tree/fs/in.c")))
	must(os.Symlink("../..", filepath.Join(dir, "tree/fs/up")))
	must(syscall.Mkfifo(filepath.Join(dir, "tree/fs/fifo.c"), 0o666))
	must(os.Mkdir(filepath.Join(dir, "tree/fs/dir.c"), 0o777))
	root, err := os.OpenRoot(filepath.Join(dir, "tree"))
	must(err)
	defer root.Close()

	for _, test := range []struct{ path, want string }{
		{"fs/x.c", ""},
		{"fs/out.c", "p: line 1: fs/out.c is reached through the symbolic link fs/out.c"},
		{"fs/in.c", "p: line 1: fs/in.c is reached through the symbolic link fs/in.c"},
		{"fs/up/outside.c", "p: line 1: fs/up/outside.c is reached through the symbolic link fs/up"},
		{"fs/fifo.c", "p: line 1: fs/fifo.c is not a regular file"},
		{"fs/dir.c", "p: line 1: fs/dir.c is not a regular file"},
		{"fs/x.c/y.c", "p: fs/x.c/y.c: no such file in the source tree"},
		{"none/y.c", "p: none/y.c: no such file in the source tree"},
	} {
		p, err := Parse("p", fmt.Appendf(nil, "--- a/%s\n+++ b/%s\n@@ -1 +1 @@\n-a\n+b\n", test.path, test.path))
		must(err)
		r, err := Apply(root.FS(), []*Patch{p}, Options{})
		switch {
		case test.want == "" && err == nil:
			if got := string(r.Changes[0].Patched); got != "b\n" {
				t.Errorf("%s: patched to %q", test.path, got)
			}
		case err == nil:
			t.Errorf("%s: applied", test.path)
		case err.Error() != test.want || fault.ClassOf(err) != fault.Input:
			t.Errorf("%s: %v (class %d), want %s", test.path, err, fault.ClassOf(err), test.want)
		}
	}
	if got, err := os.ReadFile(filepath.Join(dir, "tree/fs/x.c")); err != nil || string(got) != "a\n" {
		t.Errorf("the tree was written to: %q, %v", got, err)
	}
}

// realSource is a prepared kernel tree: kbuild has compiled scripts/mod/empty.o in it.
func realSource(t *testing.T) string {
	t.Helper()
	return testenv.Kernel(t).Source
}

// TestPinKernelObjects inserts comments into real kernel files at random
// lines between statements: compiled as the kernel is, the object must stay
// the same, byte for byte. It is not the same without pinning, which shows
// that the files hold line numbers at all.
func TestPinKernelObjects(t *testing.T) {
	tree := realSource(t)
	files := []string{"fs/proc/meminfo.c", "net/ipv4/tcp_input.c", "mm/slub.c"}
	if list := os.Getenv("KINTSUGI_TEST_FILES"); list != "" {
		files = strings.Fields(list)
	}
	moved := 0
	for i, name := range files {
		source, err := os.ReadFile(filepath.Join(tree, name))
		if err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(uint64(i), 2))
		old, patched, origin := commentLines(r, string(source), 20)
		m := newLineMap(old, patched, origin)
		want := kernelObject(t, tree, name, string(source))
		if got := kernelObject(t, tree, name, pin(m, patched)); got != want {
			t.Errorf("%s: the object changes with comments", name)
		}
		if kernelObject(t, tree, name, strings.Join(patched, "")) != want {
			moved++
		}
	}
	t.Logf("%d files, %d with line numbers in the object", len(files), moved)
	if moved == 0 {
		t.Error("no object has line numbers: the test shows nothing")
	}
}

// commentLines inserts n comments before lines that the lexer calls safe.
func commentLines(r *rand.Rand, source string, n int) (old, patched []string, origin []int) {
	old = splitLines(source)
	info, _ := ctext.Lines(source)
	at := map[int]bool{}
	for len(at) < n {
		if i := r.IntN(len(old)); info[i].Safe {
			at[i] = true
		}
	}
	for i, line := range old {
		if at[i] {
			patched, origin = append(patched, "/* new */\n", "\n"), append(origin, 0, 0)
		}
		patched, origin = append(patched, line), append(origin, i+1)
	}
	return old, patched, origin
}

// blankLines inserts n blank lines anywhere but in continued lines: also in
// calls and comments.
func blankLines(r *rand.Rand, source string, n int) (old, patched []string, origin []int) {
	old, patched = splitLines(source), splitLines(source)
	origin = counting(len(old))
	for range n {
		at := 1 + r.IntN(len(patched)-1)
		if strings.HasSuffix(strings.TrimSpace(patched[at-1]), "\\") {
			continue
		}
		patched = slices.Insert(patched, at, "\n")
		origin = slices.Insert(origin, at, 0)
	}
	return old, patched, origin
}

// kernelObject compiles text in place of a file of the tree, with the command
// that kbuild left for scripts/mod/empty.o, and returns the object.
func kernelObject(t *testing.T, tree, name, text string) string {
	t.Helper()
	saved, err := os.ReadFile(filepath.Join(tree, "scripts/mod/.empty.o.cmd"))
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(saved), "\n")
	_, line, _ = strings.Cut(line, ":= ")
	line, _, _ = strings.Cut(line, " -c -o ")
	line = strings.NewReplacer("-Wp,-MMD,scripts/mod/.empty.o.d", "", " -g ", " ").Replace(line)
	dir := t.TempDir()
	in, out := filepath.Join(dir, "unit.c"), filepath.Join(dir, "unit.o")
	if err := os.WriteFile(in, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	line += " -fmacro-prefix-map=" + dir + "= -iquote " + filepath.Dir(name) + " -c -o " + out + " " + in
	cmd := &command.Cmd{Dir: tree, Path: "sh", Args: []string{"-c", line}}
	if msg, err := cmd.Run(t.Context()); err != nil || len(msg) > 0 {
		t.Fatalf("%s: %v\n%s", name, err, msg)
	}
	object, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return string(object)
}

// TestPinKernelText pins thousands of real files after random edits: the
// lexer must find its way through all of them, which shows in how few
// untouched lines lose their number.
func TestPinKernelText(t *testing.T) {
	tree := realSource(t)
	files, lines, lost := 0, 0, 0
	for _, pattern := range []string{"kernel/*.c", "kernel/*/*.c", "mm/*.c", "net/*/*.c", "fs/*/*.c", "lib/*.c",
		"include/linux/*.h", "drivers/*/*.c"} {
		names, err := filepath.Glob(filepath.Join(tree, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for i, name := range names {
			source, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if len(source) < 1000 {
				continue
			}
			r := rand.New(rand.NewPCG(uint64(i), 3))
			old, patched, origin := blankLines(r, string(source), 3)
			m := newLineMap(old, patched, origin)
			checkUnpinned(t, pin(m, patched), strings.Join(patched, ""))
			info, _ := ctext.Lines(strings.Join(patched, ""))
			files++
			here := 0
			for j := range patched {
				if info[j].Code && m.Original(j+1) != 0 {
					lines++
					if m.Original(j+1) != m.Reported(j+1) {
						here++
					}
				}
			}
			if here > 5 {
				t.Logf("%s: %d lines", strings.TrimPrefix(name, tree), here)
			}
			lost += here
		}
	}
	t.Logf("%d files: %d of %d untouched lines of code lost their number", files, lost, lines)
	if lost*1000 > lines {
		t.Error("more than one in a thousand")
	}
}
