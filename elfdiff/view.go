package elfdiff

import (
	"sort"

	"kintsugi/internal/elfobj"
)

// What those need who show an object's code to a person.

// InsnLen is the length in bytes of the first instruction in code, 0 where it
// is not known.
func (o *Object) InsnLen(code []byte) int {
	if o.arch.decode == nil {
		return 0
	}
	return int(o.arch.decode(code).size)
}

// Unwinding reports whether a is the unwind entries of a function.
func (a *Atom) Unwinding() bool { return a.Kind == Entry && a.Spec.parallel != "" }

// Twin is the same atom in the other object of a Diff, nil where it has none.
func (a *Atom) Twin() *Atom { return a.twin }

// AtomAt is the atom that has the byte at off of a section, nil where none has.
func (o *Object) AtomAt(sec *elfobj.Section, off uint64) *Atom {
	a := o.find(sec, int64(off))
	if a == nil || off < a.Off || off-a.Off >= a.Size {
		return nil
	}
	return a
}

// At is the source line that the byte at off of a comes from.
func (l *Lines) At(a *Atom, off uint64) (line Line, ok bool) {
	rows, pos := l.rows[a.Section], a.Off+off
	i := sort.Search(len(rows), func(i int) bool { return rows[i].off > pos }) - 1
	if i < 0 || rows[i].end || rows[i].off < a.Off {
		return line, false
	}
	return Line{File: rows[i].file, Number: rows[i].line, Inline: l.inlineAt(a.Section, pos)}, true
}
