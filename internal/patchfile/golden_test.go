package patchfile

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"kintsugi/internal/fault"
)

var update = flag.Bool("update", false, "rewrite the golden parts of testdata")

// TestApplyGolden runs every archive of testdata/apply: the files below tree/
// are the pristine tree, the files *.patch are applied in order, and "want"
// is what comes out, as a person would read it. Lines of the comment steer this:
// "CRLF: " converts the patches' line ends, "Fuzz: N" allows fuzz. In files,
// ⌁ stands for a byte order mark ␍ for a carriage return, and ␄ for a newline
// that is missing.
func TestApplyGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/apply/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no test archives", err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txt"), func(t *testing.T) { runGolden(t, name) })
	}
}

func runGolden(t *testing.T, name string) {
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	archive := parseArchive(string(data))
	tree := fstest.MapFS{}
	var patches []archiveFile
	want := -1
	for i, f := range archive.files {
		f.data = []byte(strings.NewReplacer("⌁", "\ufeff", "␍", "\r", "␄\n", "").Replace(string(f.data)))
		if strings.Contains(archive.comment, "CRLF: ") && !strings.HasPrefix(f.name, "tree/") {
			f.data = bytes.ReplaceAll(f.data, []byte("\n"), []byte("\r\n"))
		}
		switch path, inTree := strings.CutPrefix(f.name, "tree/"); {
		case inTree:
			tree[path] = &fstest.MapFile{Data: f.data, Mode: 0o644}
		case f.name == "want":
			want = i
		default:
			patches = append(patches, f)
		}
	}
	var opts Options
	if _, text, found := strings.Cut(archive.comment, "Fuzz: "); found {
		if _, err := fmt.Sscan(text, &opts.Fuzz); err != nil {
			t.Fatal(err)
		}
	}
	got := describe(tree, patches, opts)
	if *update {
		if want < 0 {
			want = len(archive.files)
			archive.files = append(archive.files, archiveFile{name: "want"})
		}
		archive.files[want].data = []byte(got)
		if err := os.WriteFile(name, archive.format(), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want < 0 {
		t.Fatal("no file named want")
	}
	if diff := cmp.Diff(string(archive.files[want].data), got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// describe applies patches and writes down all that comes of it.
func describe(tree fstest.MapFS, files []archiveFile, opts Options) string {
	var b strings.Builder
	var patches []*Patch
	for _, f := range files {
		p, err := Parse(f.name, f.data)
		if err != nil {
			return describeError(err)
		}
		patches = append(patches, p)
		for _, f := range p.Files {
			fmt.Fprintf(&b, "%s: %s %s %s (%d hunks)\n", p.Name, f.Action, f.Kind, f.Path, len(f.Hunks))
		}
	}
	r, err := Apply(tree, patches, opts)
	applied := r
	if err != nil {
		applied = &Result{}
	}
	if err == nil && AppliedBefore(tree, patches) {
		b.WriteString("applies, and was applied before\n")
	}
	for _, d := range Diagnose(patches, applied, "x86") {
		fmt.Fprintf(&b, "%s: %s: %s\n", d.Severity, d.Code, d.Message)
	}
	if err != nil {
		return b.String() + describeError(err) + fmt.Sprintf("applied before: %v\n", AppliedBefore(tree, patches))
	}
	for _, f := range r.Fuzzes {
		fmt.Fprintf(&b, "note: %s\n", f.Diagnostic().Message)
	}
	for _, o := range r.Offsets {
		fmt.Fprintf(&b, "note: %s\n", o.Diagnostic().Message)
	}
	for _, o := range r.Objects {
		fmt.Fprintf(&b, "object: %+v\n", o)
	}
	for _, c := range r.Changes {
		fmt.Fprintf(&b, "== %s from %q", c.Path, c.From)
		if c.Patched == nil {
			b.WriteString(": gone\n")
			continue
		}
		fmt.Fprintf(&b, " regions %v\n%s", c.Lines.Regions(), c.Pinned)
	}
	return b.String()
}

func describeError(err error) string {
	var b strings.Builder
	fmt.Fprintf(&b, "error: %v\n", err)
	for _, h := range fault.Hints(err) {
		fmt.Fprintf(&b, "hint: %s\n", h)
	}
	fmt.Fprintf(&b, "exit %d code %q", fault.ClassOf(err), fault.CodeOf(err))
	var apply *ApplyError
	if errors.As(err, &apply) {
		for _, f := range apply.Failures {
			fmt.Fprintf(&b, " at %s", f.Diagnostic().Source)
		}
	}
	return b.String() + "\n"
}

// archive is a text file with several in it, each after a line "-- name --".
type archive struct {
	comment string
	files   []archiveFile
}

type archiveFile struct {
	name string
	data []byte
}

func parseArchive(text string) *archive {
	a := &archive{}
	for _, line := range splitLines(text) {
		name, marked := strings.CutPrefix(line, "-- ")
		name, ended := strings.CutSuffix(name, " --\n")
		switch n := len(a.files); {
		case marked && ended:
			a.files = append(a.files, archiveFile{name: name})
		case n == 0:
			a.comment += line
		default:
			a.files[n-1].data = append(a.files[n-1].data, line...)
		}
	}
	return a
}

func (a *archive) format() []byte {
	text := []byte(a.comment)
	for _, f := range a.files {
		text = fmt.Appendf(text, "-- %s --\n%s", f.name, f.data)
	}
	return text
}
