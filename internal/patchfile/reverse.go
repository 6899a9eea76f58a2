package patchfile

import (
	"io/fs"
	"slices"
)

// AppliedBefore reports whether the tree has all changes of the patches: they apply in
// reverse, completely and exactly.
//
// Removed lines leave no trace. So a hunk that only removes lines counts at its line,
// or in the function that its heading names. A deleted file proves nothing by itself.
func AppliedBefore(tree fs.FS, patches []*Patch) bool {
	var reversed []*Patch
	shown := false
	for _, p := range slices.Backward(patches) {
		r := &Patch{Name: p.Name}
		for _, f := range slices.Backward(p.Files) {
			if f.Kind == Ignorable || f.Action == Chmod {
				continue
			}
			if f.Action == Copy {
				return false // the source of the copy may have changed since
			}
			shown = shown || f.Action != Delete && len(f.Hunks) > 0
			r.Files = append(r.Files, f.reverse())
		}
		reversed = append(reversed, r)
	}
	if !shown {
		return false
	}
	_, err := apply(tree, reversed, Options{}, true)
	return err == nil
}

// reverse is the section that reverts f.
func (f *File) reverse() *File {
	r := &File{Path: f.Path, OldPath: f.OldPath, Other: f.Other, Action: f.Action, Kind: f.Kind, Line: f.Line}
	switch f.Action {
	case New:
		r.Action, r.OldPath = Delete, f.Path
	case Delete:
		r.Action, r.OldPath = New, ""
	case Rename:
		r.Path, r.OldPath = f.OldPath, f.Path
	}
	for _, h := range f.Hunks {
		r.Hunks = append(r.Hunks, h.reverse())
	}
	return r
}

func (h *Hunk) reverse() *Hunk {
	r := &Hunk{Header: h.Header, Heading: h.Heading,
		OldStart: h.NewStart, OldLines: h.NewLines, NewStart: h.OldStart, NewLines: h.OldLines}
	for _, l := range h.Lines {
		switch l.Op {
		case Add:
			l.Op = Remove
		case Remove:
			l.Op = Add
		}
		r.Lines = append(r.Lines, l)
	}
	return r
}

// onlyAdds reports whether h removes no line.
func (h *Hunk) onlyAdds() bool {
	return !slices.ContainsFunc(h.Lines, func(l Line) bool { return l.Op == Remove })
}
