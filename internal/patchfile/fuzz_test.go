package patchfile

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// watchedFS fails the test when anything but a plain path inside is asked for.
type watchedFS struct {
	fs.FS
	t *testing.T
}

func (w watchedFS) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) || strings.Contains(name, "..") && !strings.Contains(name, "...") &&
		strings.Contains("/"+name+"/", "/../") {
		w.t.Errorf("opened %q", name)
	}
	return w.FS.Open(name)
}

// FuzzApply feeds hostile patches: nothing may panic, leave the tree, or come
// out in a path or text that the patch does not account for.
func FuzzApply(f *testing.F) {
	files, err := filepath.Glob("testdata/apply/*.txt")
	if err != nil || len(files) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		var tree []byte
		for _, file := range parseArchive(string(data)).files {
			switch {
			case file.name == "tree/fs/x.c":
				tree = file.data
			case file.name != "want" && !strings.HasPrefix(file.name, "tree/"):
				f.Add(file.data, tree)
			}
		}
	}
	f.Fuzz(func(t *testing.T, patch, source []byte) {
		p, err := Parse("fuzz", patch)
		if err != nil {
			return
		}
		for _, path := range p.Paths() {
			if !fs.ValidPath(path) || path == "." {
				t.Errorf("path %q", path)
			}
		}
		Diagnose([]*Patch{p}, &Result{}, "x86")
		tree := fstest.MapFS{"fs/x.c": {Data: source, Mode: 0o644}, "link": {Data: []byte("fs/x.c"), Mode: fs.ModeSymlink}}
		r, err := Apply(watchedFS{tree, t}, []*Patch{p}, Options{})
		if err != nil {
			_ = describeError(err)
			return
		}
		Diagnose([]*Patch{p}, r, "x86")
		for _, c := range r.Changes {
			checkChange(t, c)
		}
	})
}

// checkChange holds a change against its own line map.
func checkChange(t *testing.T, c *Change) {
	if !fs.ValidPath(c.Path) || c.Path == "link" {
		t.Errorf("changed %q", c.Path)
	}
	if c.Patched == nil {
		return
	}
	old, new := splitLines(string(c.Original)), splitLines(string(c.Patched))
	last := 0
	for i, line := range new {
		o := c.Lines.Original(i + 1)
		switch {
		case o == 0:
		case o <= last || o > len(old) || old[o-1] != line:
			t.Fatalf("%s: line %d is not line %d of the original", c.Path, i+1, o)
		default:
			last = o
		}
	}
	checkUnpinned(t, string(c.Pinned), string(c.Patched))
}

// checkUnpinned insists that pinned is patched with line directives.
func checkUnpinned(t *testing.T, pinned, patched string) {
	t.Helper()
	lines, at := splitLines(patched), 0
	for _, line := range splitLines(pinned) {
		switch {
		case at < len(lines) && line == lines[at]:
			at++
		case !directive.MatchString(line):
			t.Fatalf("%q is neither patched text nor a directive", line)
		}
	}
	if at != len(lines) {
		t.Fatalf("%d of %d patched lines are left", at, len(lines))
	}
}

// FuzzPinLines pins any text, from which edits chooses the lines that are
// new: without the directives it must be the same text, and pinning a text
// that did not change must add none.
func FuzzPinLines(f *testing.F) {
	for _, seed := range []string{"", "a;\nb;\n", "/*\n*/ (", "#if 1\na\n#else\nb\n#endif\nc", "f(a,\nb);\nc;\n",
		"R\"(\n)\"\nx\n", "\"\\\n\n'\n", "#define x \\\n ( \\\n\n)", "%:define\n??/\n", "a\\ \n\\\n(\n"} {
		f.Add(seed, []byte{1, 0, 2, 3})
	}
	f.Fuzz(func(t *testing.T, text string, edits []byte) {
		patched := splitLines(text)
		var original []string
		var origin []int
		for i, line := range patched {
			edit := byte(1)
			if len(edits) > 0 {
				edit = edits[i%len(edits)] % 4
			}
			if edit >= 2 {
				original = append(original, "removed\n")
			}
			if edit%2 == 0 {
				origin = append(origin, 0)
				continue
			}
			original = append(original, line)
			origin = append(origin, len(original))
		}
		m := newLineMap(original, patched, origin)
		checkUnpinned(t, pin(m, patched), text)
		for i := range patched {
			if m.Changed(i+1) == (m.Original(i+1) != 0) {
				t.Errorf("line %d is both changed and not", i+1)
			}
		}
		same := newLineMap(patched, patched, counting(len(patched)))
		if got := pin(same, patched); got != text {
			t.Errorf("unchanged text was pinned:\n%s", got)
		}
	})
}
