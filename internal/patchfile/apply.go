package patchfile

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"kintsugi/internal/fault"
	"kintsugi/internal/makefile"
)

// Result is the effect of a series of patches on a tree.
type Result struct {
	Changes []*Change         // sorted by path
	Objects []makefile.Object // objects that makefiles add to the build; Changes omits these makefiles
	Offsets []Offset          // hunks that applied at another line than they name, in order
	Fuzzes  []Fuzz            // hunks that applied without some of their context, in order

	unread map[string]string // makefiles, and what of each is not understood; empty: nothing
}

// Change is a file that differs after all patches.
type Change struct {
	Path string // in the patched tree
	From string // the pristine file that Path was made from; empty for a new file
	Kind Kind

	Original []byte   // the text of From; nil for a new file
	Patched  []byte   // nil when the file is gone
	Pinned   []byte   // Patched with #line directives, for compiling; other than Patched only for C
	Lines    *LineMap // nil when the file is gone
}

// Offset is a hunk that applied Lines lines below the line that it names.
type Offset struct {
	Patch, Path string
	Hunk        int // from 1
	Lines       int
	Chosen      string // what decided between several places, empty for one place
}

// Options are the deviations that Apply may accept.
type Options struct {
	Fuzz int // context lines at either end of a hunk that need not match
}

// Apply applies patches one after the other to the tree, in memory. All lines of a
// hunk must match exactly. Apply tries the line that the hunk names first, moved by
// the offset of the hunk before it. If the hunk does not match there, it must match
// at one place of the file.
// Of several places Apply chooses the place in the function that the hunk's
// heading names, or the place at the only offset at which the following hunks match
// too. Fuzz is only tried for a hunk that matches nowhere.
//
// Files that no unit compiles (Ignorable) are omitted. Files are not read through
// symbolic links; for a tree on disk pass os.Root.FS, which never leaves the
// directory.
//
// If the header of a section has two different names, Apply sets Path to the name
// that exists, and Other to the empty string.
//
// The error for hunks that do not apply has an *ApplyError in its chain and
// the code patch-apply.
func Apply(tree fs.FS, patches []*Patch, opts Options) (*Result, error) {
	return apply(tree, patches, opts, false)
}

// apply is Apply. With reversed, the patches are reversed, and each hunk must prove
// that it was applied (AppliedBefore).
func apply(tree fs.FS, patches []*Patch, opts Options, reversed bool) (*Result, error) {
	a := &applier{tree: tree, opts: opts, reversed: reversed,
		files: map[string]*file{}, result: &Result{}, budget: maxCompares}
	for _, p := range patches {
		for _, f := range p.Files {
			err := a.settle(f)
			if err == nil && f.Kind != Ignorable {
				err = a.apply(p, f)
			}
			if err != nil {
				return nil, fmt.Errorf("%s: line %d: %w", p.Name, f.Line, err)
			}
		}
		if len(a.failures) > 0 {
			whole := !reversed && AppliedBefore(tree, []*Patch{p})
			return nil, applyFault(a.failures, whole)
		}
	}
	a.collect()
	a.result.takeMakefiles()
	return a.result, nil
}

// maxCompares limits the lines compared in search of places for hunks, far
// beyond what a patch for a kernel needs.
const maxCompares = 1 << 30

type applier struct {
	tree     fs.FS
	opts     Options
	reversed bool
	files    map[string]*file // by path; all files read so far
	result   *Result
	failures []*Failure
	budget   int
}

// file is a file while patches are applied to it.
type file struct {
	exists   bool
	from     string   // path in the pristine tree, empty for a new file
	original []byte   // of from
	lines    []string // after the patches so far
	origin   []int    // by line: its number in original, 0 for a new one
}

// load returns the file at path, with the patches so far.
func (a *applier) load(path string) (*file, error) {
	if f := a.files[path]; f != nil {
		return f, nil
	}
	data, err := readRegular(a.tree, path)
	f := &file{}
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	default:
		lines := splitLines(string(data))
		f = &file{exists: true, from: path, original: data, lines: lines, origin: counting(len(lines))}
	}
	a.files[path] = f
	return f, nil
}

// settle decides between the two names of a section. If neither or both exist, the
// section keeps both, and misfit refuses it.
func (a *applier) settle(s *File) error {
	if s.Other == "" {
		return nil
	}
	first, err := a.load(s.Path)
	if err != nil {
		return err
	}
	second, err := a.load(s.Other)
	if err != nil || first.exists == second.exists {
		return err
	}
	if second.exists {
		s.Path, s.OldPath = s.Other, s.Other
	}
	s.Other, s.Kind = "", Classify(s.Path)
	return nil
}

// apply applies a section. If it does not fit the tree, it records failures. It
// returns an error for a section that should not even be tried.
func (a *applier) apply(p *Patch, s *File) error {
	src := s.OldPath
	if s.Action == New {
		src = s.Path
	}
	old, err := a.load(src)
	if err != nil {
		return err
	}
	dst, err := a.load(s.Path)
	if err != nil {
		return err
	}
	if reason := s.misfit(old, dst); reason != nil {
		reason.Patch, reason.Path = p.Name, src
		a.failures = append(a.failures, reason)
		return nil
	}
	next, err := a.patch(p, s, old)
	if err != nil {
		return err
	}
	if s.Action == Rename {
		a.files[src] = &file{from: old.from, original: old.original}
	}
	a.files[s.Path] = next
	return nil
}

// misfit explains why a section cannot apply, independently of its hunks.
func (s *File) misfit(old, dst *file) *Failure {
	switch s.Action {
	case New:
		if old.exists {
			return &Failure{Reason: "the file to create exists", Applied: slices.Equal(old.lines, s.text(Add))}
		}
		return nil
	case Rename, Copy:
		if dst.exists {
			return &Failure{Reason: s.Path + " exists", Applied: s.Action == Rename && !old.exists}
		}
	}
	switch {
	case !old.exists && s.Other != "":
		return &Failure{Reason: "no such file in the source tree, and no " + s.Other, Hint: hintPaths}
	case !old.exists:
		return &Failure{Reason: "no such file in the source tree", Hint: hintPaths, Applied: s.Action == Delete}
	case s.Other != "":
		return &Failure{Reason: "the patch names " + s.Other + " as well, and the source tree has both", Hint: hintNames}
	}
	return nil
}

// text is one side of all hunks of s.
func (s *File) text(side Op) []string {
	var lines []string
	for _, h := range s.Hunks {
		lines = append(lines, h.side(side)...)
	}
	return lines
}

// patch returns f after the hunks of s, and does not change f.
func (a *applier) patch(p *Patch, s *File, f *file) (*file, error) {
	next := &file{exists: s.Action != Delete, from: f.from, original: f.original}
	done, offset := 0, 0 // copied lines of f; offset of the last hunk
	where := &finder{lines: f.lines, budget: &a.budget}
	failed := false
	for i, h := range s.Hunks {
		found, err := where.locate(s.Hunks, i, done, offset, a.opts.Fuzz)
		if errors.Is(err, errBudget) {
			return nil, fault.Inputf("%s: hunk %d almost matches in too many places", s.Path, i+1)
		}
		if err == nil && a.reversed {
			err = where.certain(found)
		}
		if err != nil {
			failure := Failure{Patch: p.Name, Path: s.Path, Hunk: i + 1, Hunks: len(s.Hunks)}
			a.failures = append(a.failures, explain(where, h, done, offset, err, failure))
			failed = true
			continue
		}
		offset = found.at - found.hunk.start()
		a.note(found, p, s, i)
		next.keep(f, done, found.at)
		done = next.change(f, found.hunk, found.at)
	}
	next.keep(f, done, len(f.lines))
	if reason := next.malformed(s); reason != "" && !failed {
		a.failures = append(a.failures, &Failure{Patch: p.Name, Path: s.Path, Reason: reason})
	}
	return next, nil
}

// note records offset and fuzz of hunk i of s.
func (a *applier) note(found spot, p *Patch, s *File, i int) {
	if offset := found.at - found.hunk.start(); offset != 0 {
		a.result.Offsets = append(a.result.Offsets, Offset{p.Name, s.Path, i + 1, offset, found.chosen})
	}
	if found.fuzz > 0 {
		a.result.Fuzzes = append(a.result.Fuzzes, Fuzz{p.Name, s.Path, i + 1, s.Hunks[i].Header, found.fuzz, found.at + 1})
	}
}

// malformed describes the fault of f as the result of s. It is empty without one.
func (f *file) malformed(s *File) string {
	if s.Action == Delete && len(f.lines) > 0 {
		return "the file to delete has lines that the patch does not take away"
	}
	for i, line := range f.lines {
		if i < len(f.lines)-1 && !strings.HasSuffix(line, "\n") {
			return fmt.Sprintf("line %d has no newline and is not the last one", i+1)
		}
	}
	return ""
}

// keep copies the lines [from, to) of f.
func (next *file) keep(f *file, from, to int) {
	next.lines = append(next.lines, f.lines[from:to]...)
	next.origin = append(next.origin, f.origin[from:to]...)
}

// change adds the lines of f from at on after h, and returns the first line of f
// after the hunk.
func (next *file) change(f *file, h *Hunk, at int) int {
	for _, l := range h.Lines {
		switch l.Op {
		case Context:
			next.keep(f, at, at+1)
			at++
		case Remove:
			at++
		case Add:
			next.lines, next.origin = append(next.lines, l.Text), append(next.origin, 0)
		}
	}
	return at
}

// collect turns the files that differ from the pristine tree into changes.
func (a *applier) collect() {
	for path, f := range a.files {
		if c := changeOf(path, f); c != nil {
			a.result.Changes = append(a.result.Changes, c)
		}
	}
	slices.SortFunc(a.result.Changes, func(x, y *Change) int { return strings.Compare(x.Path, y.Path) })
}

func changeOf(path string, f *file) *Change {
	c := &Change{Path: path, From: f.from, Kind: Classify(path), Original: f.original}
	if !f.exists {
		if f.from != path {
			return nil // was never in the pristine tree
		}
		return c
	}
	text := strings.Join(f.lines, "")
	if f.from == path && text == string(f.original) {
		return nil
	}
	c.Patched = []byte(text)
	c.Lines = newLineMap(splitLines(string(f.original)), f.lines, f.origin)
	c.Pinned = []byte(c.pinned(f.lines))
	return c
}

func (c *Change) pinned(lines []string) string {
	if c.From != "" && (c.Kind == Source || c.Kind == Header) {
		return pin(c.Lines, lines)
	}
	c.Lines.setReported(counting(len(lines)), nil)
	return strings.Join(lines, "")
}
