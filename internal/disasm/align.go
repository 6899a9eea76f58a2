package disasm

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/sergi/go-diff/diffmatchpatch"
)

// Row is one line of the comparison of two functions. An instruction that exists in only one of
// them has a row of its own.
type Row struct {
	Old, New *Line // nil: none
	Same     bool  // both exist and mean the same

	oldLabel, newLabel int // 0: no instruction jumps there
	oldText, newText   string
}

// Compare aligns the instructions of two versions of a function.
func Compare(old, new []Line) []Row {
	rows := align(old, new)
	label(rows, old, new)
	return rows
}

// Place returns the source line of the first difference, and the innermost inlined function that it
// comes from. They are those of the first new instruction at or after the difference. Without a
// difference, they are those of the function's start.
func Place(rows []Row) (source, inline string) {
	first := 0
	for first < len(rows) && rows[first].Same {
		first++
	}
	if first == len(rows) {
		first = 0
	}
	for _, r := range rows[first:] {
		if r.New != nil {
			return r.New.Source, r.New.Inline
		}
	}
	return "", ""
}

// align pairs lines that are equal except for jump targets.
func align(old, new []Line) []Row {
	keys := map[string]rune{}
	a, b := runes(old, keys), runes(new, keys)
	rows := make([]Row, 0, len(old)+len(new))
	for _, d := range diffRunes(a, b) {
		for range utf8.RuneCountInString(d.Text) {
			row := Row{}
			if d.Type != diffmatchpatch.DiffInsert {
				row.Old, old = &old[0], old[1:]
			}
			if d.Type != diffmatchpatch.DiffDelete {
				row.New, new = &new[0], new[1:]
			}
			rows = append(rows, row)
		}
	}
	return rows
}

// maxAligned limits the lines between the first and the last difference of two functions that are
// compared one by one, in quadratic time. Above the limit, all of them count as changed. The
// kernel's longest functions have 10,000 lines.
const maxAligned = 20_000

func diffRunes(a, b []rune) []diffmatchpatch.Diff {
	head, tail := 0, 0
	for head < min(len(a), len(b)) && a[head] == b[head] {
		head++
	}
	for tail < min(len(a), len(b))-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	if len(a)+len(b)-2*(head+tail) > maxAligned {
		return []diffmatchpatch.Diff{
			{Type: diffmatchpatch.DiffEqual, Text: string(a[:head])},
			{Type: diffmatchpatch.DiffDelete, Text: string(a[head : len(a)-tail])},
			{Type: diffmatchpatch.DiffInsert, Text: string(b[head : len(b)-tail])},
			{Type: diffmatchpatch.DiffEqual, Text: string(a[len(a)-tail:])},
		}
	}
	differ := diffmatchpatch.New()
	differ.DiffTimeout = 0 // the result must not depend on the machine's speed
	return differ.DiffMainRunes(a, b, false)
}

// runes represents each line by one rune. Equal instructions get the same rune.
func runes(lines []Line, keys map[string]rune) []rune {
	list := make([]rune, len(lines))
	for i := range lines {
		key := lines[i].key()
		r, ok := keys[key]
		if !ok {
			r = nthRune(len(keys))
			keys[key] = r
		}
		list[i] = r
	}
	return list
}

// nthRune returns the n-th rune that a string can hold. If a function has more different
// instructions than there are runes, the last rune represents the rest. This only misaligns lines.
func nthRune(n int) rune {
	r := rune(n + 1)
	if r >= 0xd800 {
		r += 0x800 // surrogates
	}
	return min(r, utf8.MaxRune)
}

// key is equal for two instructions that mean the same, apart from labels.
func (l *Line) key() string {
	key := ""
	for _, p := range l.parts {
		if p.target >= 0 {
			key += "\x00label"
			continue
		}
		key += p.key
	}
	return key + "\x00" + l.note.key
}

// label numbers the jump targets, so that corresponding targets of both sides have the same number.
// It also sets Same of the rows.
func label(rows []Row, old, new []Line) {
	oldPlaces, newPlaces := places(rows)
	oldTargets, newTargets := targets(old), targets(new)
	numbers := number(oldPlaces, newPlaces, oldTargets, newTargets)
	i, j := 0, 0
	for n := range rows {
		r := &rows[n]
		r.Same = r.Old != nil && r.New != nil && sameWith(r.Old, r.New, oldPlaces, newPlaces)
		if r.Old != nil {
			r.oldText = r.Old.text(func(t int) int { return numbers[oldPlaces[t]] })
			if oldTargets[i] {
				r.oldLabel = numbers[oldPlaces[i]]
			}
			i++
		}
		if r.New != nil {
			r.newText = r.New.text(func(t int) int { return numbers[newPlaces[t]] })
			if newTargets[j] {
				r.newLabel = numbers[newPlaces[j]]
			}
			j++
		}
	}
}

// places numbers the lines of both sides. Two lines have the same number if a jump to one
// corresponds to a jump to the other: in the same row, or equally far into a changed stretch.
func places(rows []Row) (old, new []int) {
	base, olds, news := 0, 0, 0
	for _, r := range rows {
		if r.Old != nil && r.New != nil {
			base += max(olds, news)
			old, new = append(old, base), append(new, base)
			base, olds, news = base+1, 0, 0
			continue
		}
		if r.Old != nil {
			old = append(old, base+olds)
			olds++
		}
		if r.New != nil {
			new = append(new, base+news)
			news++
		}
	}
	return old, new
}

// number numbers the jump targets in their order, from 1.
func number(oldPlaces, newPlaces []int, oldTargets, newTargets map[int]bool) map[int]int {
	var list []int
	for t := range oldTargets {
		list = append(list, oldPlaces[t])
	}
	for t := range newTargets {
		list = append(list, newPlaces[t])
	}
	slices.Sort(list)
	numbers := map[int]int{}
	for n, place := range slices.Compact(list) {
		numbers[place] = n + 1
	}
	return numbers
}

// targets returns the indices of the lines that other lines refer to.
func targets(lines []Line) map[int]bool {
	set := map[int]bool{}
	for i := range lines {
		for _, p := range lines[i].parts {
			if p.target >= 0 {
				set[p.target] = true
			}
		}
	}
	return set
}

// sameWith reports whether two instructions mean the same and jump to corresponding places.
func sameWith(a, b *Line, oldPlaces, newPlaces []int) bool {
	if a.key() != b.key() {
		return false
	}
	for i, p := range a.parts {
		if q := b.parts[i]; p.target >= 0 && oldPlaces[p.target] != newPlaces[q.target] {
			return false
		}
	}
	return true
}

// text returns the instruction with the numbers of its labels, and its note.
func (l *Line) text(label func(int) int) string {
	text := ""
	for _, p := range l.parts {
		if p.target >= 0 {
			text += fmt.Sprintf(".L%d", label(p.target))
			continue
		}
		text += p.text
	}
	if l.note.text != "" {
		text += "  # " + l.note.text
	}
	return text
}
