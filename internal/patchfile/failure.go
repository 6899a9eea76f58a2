package patchfile

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"kintsugi/internal/diag"
	"kintsugi/internal/fault"
)

// Failure is a hunk or a file that a patch does not apply to.
type Failure struct {
	Patch, Path string
	Hunk, Hunks int    // which of how many, from 1; 0 for the file as a whole
	Header      string // of the hunk
	Reason      string
	Applied     bool   // the tree looks as if the patch was applied before
	Hint        string // how to correct the patch, empty for the general advice
	Fuzz        int    // the smallest fuzz with which the hunk applies, 0 for none
	FuzzLine    int    // the line at which the hunk applies with Fuzz

	// The place where most lines of the hunk match; Near is 0 if there is none.
	Near           int    // line of the file, from 1
	Matched, Total int    // lines of the hunk there
	Differs        int    // the first line of the file that is different
	Expected       string // that line of the patch
	Found          string // that line of the file, empty at its end
}

// ApplyError lists everything of one patch that does not apply.
type ApplyError struct {
	Failures []*Failure
}

func (e *ApplyError) Error() string {
	const most = 50
	var lines []string
	for i, f := range e.Failures {
		if i == most {
			lines = append(lines, fmt.Sprintf("and %d more", len(e.Failures)-most))
			break
		}
		lines = append(lines, f.String())
	}
	return strings.Join(lines, "\n")
}

// String is a sentence about the failure, and one about the place that almost
// matches.
func (f *Failure) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s: ", f.Patch, f.Path)
	if f.Hunk > 0 {
		fmt.Fprintf(&b, "hunk %d of %d (%s) ", f.Hunk, f.Hunks, f.Header)
	}
	b.WriteString(f.Reason)
	switch {
	case f.Applied:
		b.WriteString("; it looks already applied")
	case f.Fuzz > 0:
		fmt.Fprintf(&b, "; with --fuzz %d it would apply at line %d", f.Fuzz, f.FuzzLine)
		fallthrough
	case f.Near > 0:
		fmt.Fprintf(&b, "; nearest is line %d, where %d of %d lines match: line %d should be %s, is %s",
			f.Near, f.Matched, f.Total, f.Differs, quoteLine(f.Expected), quoteLine(f.Found))
	}
	return b.String()
}

// quoteLine shows a line, and what is special about its end.
func quoteLine(line string) string {
	switch {
	case line == "":
		return "the end of the file"
	case strings.HasSuffix(line, "\r\n"):
		return quote(line) + " with a carriage return"
	case !strings.HasSuffix(line, "\n"):
		return quote(line) + " without a newline"
	}
	return quote(line)
}

// Hints for failures.
const (
	hintPaths = "paths are read as patch -p1 reads them, from the top of the kernel's source: " +
		"modules that are built out of tree are not supported"
	hintNames   = "name the file to change in both lines of the header"
	hintPlaces  = "make the patch with more lines of context, such as diff -U10, so that one place is left"
	hintContext = "make the patch with lines of context: diff -U3"
	hintFuzz    = "look at the place, then allow it with --fuzz, or rebase the patch on the target's own source"
	hintRebase  = "rebase the patch on the target's own source: every line of context has to match"
	hintApplied = "a part of the change seems to be in this kernel's source already: check what this kernel still needs"
)

// applyFault classes an ApplyError and adds hints. With whole, the tree has all
// changes of the patch already.
func applyFault(failures []*Failure, whole bool) error {
	e := &fault.Error{Class: fault.Input, Code: diag.PatchApply, Err: &ApplyError{failures}}
	if whole {
		return e.Hint("%s is in this kernel's source already: leave it out", failures[0].Patch)
	}
	for _, f := range failures {
		if hint := f.advice(); !slices.Contains(e.Hints, hint) {
			e.Hints = append(e.Hints, hint)
		}
	}
	return e
}

// advice returns the hint for f.
func (f *Failure) advice() string {
	switch {
	case f.Applied:
		return hintApplied
	case f.Fuzz > 0:
		return hintFuzz
	case f.Hint != "":
		return f.Hint
	}
	return hintRebase
}

// explain adds to f the reason why the hunk h has no place in the file.
func explain(where *finder, h *Hunk, from, offset int, err error, f Failure) *Failure {
	f.Header, f.Reason = h.Header, err.Error()
	old, patched := h.side(Remove), h.side(Add)
	hint := h.start() + offset
	switch {
	case where.isAt(patched, from, hint):
		f.Applied = true
	case errors.Is(err, errAmbiguous):
		f.Reason += ": lines " + where.placesText(old, from)
		f.Hint = hintPlaces
	case errors.Is(err, errNoContext):
		f.Hint = hintContext
	case errors.Is(err, errNoPlace):
		f.near(where, old, hint)
		f.fuzzy(where, h, from, offset)
	}
	return &f
}

// placesText lists the first lines where want matches.
func (f *finder) placesText(want []string, from int) string {
	const most = 5
	var lines []string
	for i, at := range f.search(want, from) {
		if i == most {
			lines = append(lines, "…")
			break
		}
		lines = append(lines, fmt.Sprint(at+1))
	}
	return strings.Join(lines, ", ")
}

// fuzzy adds the fuzz with which the hunk would apply.
func (f *Failure) fuzzy(where *finder, h *Hunk, from, offset int) {
	before, after := h.context()
	s, err := where.locate([]*Hunk{h}, 0, from, offset, max(before, after))
	if err == nil {
		f.Fuzz, f.FuzzLine = s.fuzz, s.at+1
	}
}

// isAt reports whether want is at hint, or at exactly one other place.
func (f *finder) isAt(want []string, from, hint int) bool {
	if len(want) == 0 {
		return false
	}
	return hint >= from && f.matches(want, hint) || len(f.search(want, from)) == 1
}

// near adds the place where most lines of want match.
func (f *Failure) near(where *finder, want []string, hint int) {
	at, matched := where.nearest(want, hint)
	if at < 0 {
		f.Reason += "; nothing like it is in the file"
		return
	}
	if matched == len(want) {
		f.Reason += fmt.Sprintf("; it matches at line %d only, before the hunk above it", at+1)
		return
	}
	f.Near, f.Matched, f.Total = at+1, matched, len(want)
	for i, line := range want {
		found := ""
		if at+i < len(where.lines) {
			found = where.lines[at+i]
		}
		if found != line {
			f.Differs, f.Expected, f.Found = at+i+1, line, found
			return
		}
	}
}
