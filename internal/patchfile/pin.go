package patchfile

import (
	"strconv"
	"strings"

	"kintsugi/internal/ctext"
)

// The kernel's bug table holds a line number in 16 bits (struct bug_entry in
// include/asm-generic/bug.h).
const maxBugLine = 1<<16 - 1

// newLineBase is added to the numbers of new lines, which are then visibly new and
// still readable.
const newLineBase = 10000

// pin returns the patched text with #line directives, and adds to m the numbers that
// a compiler then reports.
//
// Code that a patch does not touch must keep its line numbers, and with them its
// object code, as WARN and others compile __LINE__ into the code. So:
//
//   - an untouched line has its number in the original;
//   - a changed line has the number of the line that it replaces, in order;
//   - a line for which no old number is left has 10000 (or the next multiple
//     beyond the original's length) plus its true number in the patched file.
//
// Each number is then used only once, so identifiers that macros make with __LINE__
// cannot collide, and a WARN in new code that reports line 10123 is in line 123 of the
// patched file. If a number does not fit into the bug table, new lines just count on.
//
// A directive must not change what the compiler reads, so pin puts it only before a
// line with code, outside comments, literals, continued lines, directives and
// parentheses (inside a macro's arguments its meaning is undefined in C). Until the
// next such line, numbers count on: the rest of a call that grew by a line can repeat
// the numbers of the statement after it, which only matters if line-pasting macros are
// in both.
//
// A directive in a branch that is not compiled has no effect. After the end of
// each branch that has one, the number is set again.
func pin(m *LineMap, lines []string) string {
	info, ok := ctext.Lines(strings.Join(lines, ""))
	if !ok {
		m.setReported(counting(len(lines)), nil)
		return strings.Join(lines, "")
	}
	want := m.wanted()
	reported := make([]int, len(lines))
	var out strings.Builder
	var open branches
	number, certain := 1, true
	for i, line := range lines {
		certain = open.follow(info[i].Cond) && certain
		if info[i].Safe && info[i].Code && (!certain || number != want[i]) {
			out.WriteString("#line " + strconv.Itoa(want[i]) + "\n")
			number, certain = want[i], true
			open.mark()
		}
		reported[i] = number
		number++
		out.WriteString(line)
	}
	m.setReported(reported, info)
	return out.String()
}

func counting(n int) []int {
	numbers := make([]int, n)
	for i := range numbers {
		numbers[i] = i + 1
	}
	return numbers
}

// wanted returns the number that each patched line should have.
func (m *LineMap) wanted() []int {
	base := max(newLineBase, (m.oldLines+newLineBase-1)/newLineBase*newLineBase)
	want := make([]int, len(m.original))
	copy(want, m.original)
	for _, r := range m.regions {
		for i := range r.NewLines {
			line := r.NewStart + i
			switch {
			case i < r.OldLines || base+len(want) > maxBugLine:
				want[line-1] = r.OldStart + i
			default:
				want[line-1] = base + line
			}
		}
	}
	return want
}

// branches are the open conditionals at a line, outermost first: whether each has a
// directive of pin inside.
type branches []bool

// follow tracks conditional compilation over the next line. It returns false after a
// branch with a directive, which may or may not be compiled.
func (b *branches) follow(c ctext.Cond) bool {
	n := len(*b)
	switch {
	case c == ctext.CondOpen:
		*b = append(*b, false)
	case n == 0:
	case c == ctext.CondElse:
		return !(*b)[n-1]
	case c == ctext.CondClose:
		marked := (*b)[n-1]
		*b = (*b)[:n-1]
		return !marked
	}
	return true
}

// mark records a directive in every open conditional.
func (b branches) mark() {
	for i := range b {
		b[i] = true
	}
}
