package disasm

import (
	"fmt"
	"unicode/utf8"

	"github.com/sergi/go-diff/diffmatchpatch"
)

// Row is one line of the comparison of two functions. An instruction that only
// one of them has is alone in its row.
type Row struct {
	Old, New *Line // nil: none
	Same     bool  // both are there and mean the same

	oldLabel, newLabel int // 0: nothing jumps there
	oldText, newText   string
}

// Compare aligns the instructions of two versions of a function.
func Compare(old, new []Line) []Row {
	rows := align(old, new)
	label(rows, old, new)
	return rows
}

// Place is the source line of the first difference, and the innermost inlined
// function that it comes from: of the new code there, else of what follows.
// Without a difference it is where the function begins.
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

// align pairs the lines that are the same but for where they jump.
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

// maxAligned is how many lines between the first and the last difference of
// two functions are compared one by one, which takes the square of it: above,
// all of them count as changed. The kernel's longest functions have 10,000.
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
	differ.DiffTimeout = 0 // the result is not to depend on the machine's speed
	return differ.DiffMainRunes(a, b, false)
}

// runes stands one rune for each line, the same for the same instruction.
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

// nthRune counts through the runes that a string can hold. A function with
// more different instructions than there are runes has the last one for the
// rest, which misaligns lines and no more.
func nthRune(n int) rune {
	r := rune(n + 1)
	if r >= 0xd800 {
		r += 0x800 // surrogates
	}
	return min(r, utf8.MaxRune)
}

// key is equal for two instructions that mean the same but for labels.
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

// label numbers what is jumped to by its row, so that both sides have the same
// number for the same place, and finds the rows that are the same to the last.
func label(rows []Row, old, new []Line) {
	oldRows, newRows := map[*Line]*Row{}, map[*Line]*Row{}
	for i := range rows {
		r := &rows[i]
		if r.Old != nil {
			oldRows[r.Old] = r
		}
		if r.New != nil {
			newRows[r.New] = r
		}
	}
	oldTargets, newTargets := targets(old), targets(new)
	number := 0
	for i := range rows {
		r := &rows[i]
		if !oldTargets[r.Old] && !newTargets[r.New] {
			continue
		}
		number++
		if oldTargets[r.Old] {
			r.oldLabel = number
		}
		if newTargets[r.New] {
			r.newLabel = number
		}
	}
	for i := range rows {
		r := &rows[i]
		same := r.Old != nil && r.New != nil && r.Old.key() == r.New.key()
		if r.Old != nil {
			r.oldText = r.Old.text(func(i int) int { return oldRows[&old[i]].oldLabel })
		}
		if r.New != nil {
			r.newText = r.New.text(func(i int) int { return newRows[&new[i]].newLabel })
		}
		r.Same = same && r.sameTargets(old, new, oldRows, newRows)
	}
}

// targets are the lines that others of the list refer to.
func targets(lines []Line) map[*Line]bool {
	set := map[*Line]bool{}
	for i := range lines {
		for _, p := range lines[i].parts {
			if p.target >= 0 {
				set[&lines[p.target]] = true
			}
		}
	}
	return set
}

func (r *Row) sameTargets(old, new []Line, oldRows, newRows map[*Line]*Row) bool {
	for i, p := range r.Old.parts {
		q := r.New.parts[i]
		if p.target >= 0 && q.target >= 0 && oldRows[&old[p.target]] != newRows[&new[q.target]] {
			return false
		}
	}
	return true
}

// text is the instruction with its labels' numbers and its note.
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
