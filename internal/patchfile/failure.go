package patchfile

import (
	"fmt"
	"strings"

	"kintsugi/internal/diag"
	"kintsugi/internal/fault"
)

// Failure is one hunk, or one file, to which a patch does not apply.
type Failure struct {
	Patch, Path string
	Hunk, Hunks int    // which of how many, from 1; 0 for the file as a whole
	Header      string // of the hunk
	Reason      string
	Applied     bool // the tree looks as if the patch was applied before

	// The place where most lines of the hunk match; Near is 0 where there is none.
	Near           int    // line of the file, from 1
	Matched, Total int    // lines of the hunk there
	Differs        int    // the first line of the file that is different
	Expected       string // what the patch has there
	Found          string // what the file has there, empty at its end
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

// String is the failure as a sentence, and the place nearly matched as another.
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

const noSuchFile = "no such file in the source tree"

// applyFault classes an ApplyError and adds the advice that fits.
func applyFault(failures []*Failure) error {
	e := &fault.Error{Class: fault.Input, Code: diag.PatchApply, Err: &ApplyError{failures}}
	applied, missing := 0, 0
	for _, f := range failures {
		if f.Applied {
			applied++
		} else if f.Reason == noSuchFile {
			missing++
		}
	}
	switch {
	case applied == len(failures):
		return e.Hint("the change seems to be in this kernel's source already: check whether it needs this patch")
	case missing > 0:
		e.Hint("paths are read as patch -p1 reads them, from the top of the source tree")
	}
	if applied+missing < len(failures) {
		e.Hint("rebase the patch on the target's own source; there is no fuzz, every context line has to match")
	}
	return e
}

// explain completes f with why the hunk h has no place in the file.
func explain(where *finder, h *Hunk, from, offset int, err error, f Failure) *Failure {
	f.Header, f.Reason = h.Header, err.Error()
	old, patched := h.side(Remove), h.side(Add)
	hint := h.start() + offset
	switch {
	case where.isAt(patched, from, hint):
		f.Applied = true
	case err == errAmbiguous:
		var lines []string
		for i, at := range where.search(old, from) {
			if i == 5 {
				lines = append(lines, "…")
				break
			}
			lines = append(lines, fmt.Sprint(at+1))
		}
		f.Reason += ": lines " + strings.Join(lines, ", ")
	case err == errNoPlace:
		f.near(where, old, hint)
	}
	return &f
}

// isAt is whether want stands at hint, or at just one other place.
func (f *finder) isAt(want []string, from, hint int) bool {
	if len(want) == 0 {
		return false
	}
	return hint >= from && f.matches(want, hint) || len(f.search(want, from)) == 1
}

// near fills in the place where most lines of want match.
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
