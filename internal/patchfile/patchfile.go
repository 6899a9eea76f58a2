// Package patchfile reads kernel source patches, applies them in memory to a pristine
// tree, and pins the line numbers of untouched lines. It never writes to the tree.
//
// Paths are read as by `patch -p1`. Everything in a patch is hostile until it is
// checked.
package patchfile

import "strings"

// Action is the effect of a patch on a file.
type Action string

// What a patch does to a file.
const (
	Modify Action = "modify"
	New    Action = "new"
	Delete Action = "delete"
	Rename Action = "rename"
	Copy   Action = "copy"
	Chmod  Action = "mode" // only the permission bits change
)

// Patch is one input file: a diff, a quilt patch, or one or more mails.
type Patch struct {
	Name   string // the caller's name
	SHA256 string // of the input file, in hex
	Files  []*File
}

// File is one file section of a patch, in the patch's order. Several mails in
// one mbox may have several sections for one file.
type File struct {
	Path    string // after the change; for Delete before it
	OldPath string // before the change; empty for New
	Action  Action
	Other   string // the second name of a header with two different names; Apply uses the name that exists
	Kind    Kind   // of Path; the greater kind if there are two names
	Line    int    // line of the patch, from 1, where the section begins
	Hunks   []*Hunk
}

// Hunk is a run of changed lines with its context. Positions count lines from 1; the
// position of an empty range is that of the line before it.
type Hunk struct {
	Header             string // "@@ -1,3 +1,4 @@" without the heading
	Heading            string // the text after it: usually the first line of the function
	OldStart, OldLines int
	NewStart, NewLines int
	Lines              []Line
}

// Op is the kind of a hunk's line: context, removed or added.
type Op byte

// The kinds of lines in a hunk.
const (
	Context Op = ' '
	Remove  Op = '-'
	Add     Op = '+'
)

// Line is one line of a hunk. Text has its newline, or none if the file
// ends without one.
type Line struct {
	Op   Op
	Text string
}

// Paths lists the files that p changes, renames' old names included, each
// once and in the patch's order.
func (p *Patch) Paths() []string {
	var paths []string
	seen := map[string]bool{"": true}
	for _, f := range p.Files {
		for _, path := range []string{f.source(), f.Path} {
			if !seen[path] {
				seen[path] = true
				paths = append(paths, path)
			}
		}
	}
	return paths
}

// source is the old path of a rename.
func (f *File) source() string {
	if f.Action == Rename {
		return f.OldPath
	}
	return ""
}

// side returns the lines of h that are in the file before the change (Remove)
// or after it (Add).
func (h *Hunk) side(op Op) []string {
	var lines []string
	for _, l := range h.Lines {
		if l.Op == Context || l.Op == op {
			lines = append(lines, l.Text)
		}
	}
	return lines
}

// splitLines cuts text after each newline.
func splitLines(text string) []string {
	if text == "" {
		return nil
	}
	lines := strings.SplitAfter(text, "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}
