package elfdiff

import (
	"bytes"

	"kintsugi/internal/elfobj"
	"kintsugi/internal/objmodel"
)

// comparison decides whether two atoms are the same. Named atoms are the same if they
// are twins, all others if their contents are the same.
type comparison struct {
	pairs *Pairing
	cycles
}

func newComparison(pairs *Pairing) comparison {
	return comparison{pairs: pairs, cycles: newCycles()}
}

// same reports whether a and b have equal contents and equal references. Two
// references are equal if they point at the same place of twins, at equal anonymous
// contents, or at the same symbol of another object.
func (c *comparison) same(a, b *objmodel.Atom) bool { return c.difference(a, b) == nil }

// difference returns the first difference between a and b, or nil if they are the same.
func (c *comparison) difference(a, b *objmodel.Atom) *Difference {
	switch {
	case a.Kind != b.Kind:
		return &Difference{What: KindDiffers}
	case a.Kind == objmodel.String:
		if !bytes.Equal(a.TextBytes(0), b.TextBytes(0)) {
			return &Difference{What: StringDiffers}
		}
		return nil
	case a.Size != b.Size:
		return &Difference{What: SizeDiffers}
	case a.Kind == objmodel.Data && a.Name != "" && a.Writable() && b.Alignment() > a.Alignment():
		return &Difference{What: AlignmentDiffers}
	}
	if d := c.refDifference(a, b); d != nil {
		return d
	}
	if i := firstDifference(a.Bytes(), b.Bytes()); i >= 0 {
		return &Difference{What: CodeDiffers, Off: uint64(i)}
	}
	return c.entryDifference(a, b)
}

// Difference is the first difference between two atoms.
type Difference struct {
	What    What
	Section string        // EntryDiffers: the special section
	Off     uint64        // in the patched atom
	Old     *objmodel.Ref // ReferenceDiffers: the reference of the original, nil if it has fewer
	New     *objmodel.Ref
}

// What is the kind of a difference.
type What uint8

// The kinds of differences.
const (
	KindDiffers What = iota + 1 // one is a function, the other data
	SizeDiffers
	AlignmentDiffers
	CodeDiffers // bytes, of data too
	ReferenceDiffers
	StringDiffers
	EntryDiffers   // an entry of a special section that the function owns
	SectionDiffers // a constant becomes writable
)

func firstDifference(a, b []byte) int {
	if bytes.Equal(a, b) {
		return -1
	}
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

func (c *comparison) refDifference(a, b *objmodel.Atom) *Difference {
	for i := range min(len(a.Refs), len(b.Refs)) {
		if r, s := &a.Refs[i], &b.Refs[i]; !c.sameRef(a, b, r, s) {
			return &Difference{What: ReferenceDiffers, Off: min(r.Off, s.Off), Old: r, New: s}
		}
	}
	if len(a.Refs) != len(b.Refs) {
		return &Difference{What: ReferenceDiffers}
	}
	return nil
}

func (c *comparison) sameRef(a, b *objmodel.Atom, r, s *objmodel.Ref) bool {
	if r.Off != s.Off || r.Type != s.Type || r.Bias != s.Bias {
		return false
	}
	switch {
	case r.Atom == nil || s.Atom == nil:
		return r.Atom == nil && s.Atom == nil && r.Addend == s.Addend && sameSymbol(r, s)
	case r.Atom == a && s.Atom == b:
		return r.Addend == s.Addend
	case r.Atom.Kind == objmodel.String && s.Atom.Kind == objmodel.String:
		return r.Addend == s.Addend && bytes.Equal(r.Atom.TextBytes(0), s.Atom.TextBytes(0))
	case r.Addend != s.Addend:
		return false
	}
	return c.sameTarget(r.Atom, s.Atom)
}

func sameSymbol(r, s *objmodel.Ref) bool {
	if r.Sym == nil || s.Sym == nil {
		return r.Sym == s.Sym
	}
	return r.Sym.Name == s.Sym.Name && r.Sym.Index == s.Sym.Index && r.Sym.Value == s.Sym.Value &&
		sectionOf(r.Sym) == sectionOf(s.Sym)
}

// sectionOf returns the name of the section that defines a symbol, or "".
func sectionOf(sym *elfobj.Symbol) string {
	if sym.Section == nil {
		return ""
	}
	return sym.Section.Name
}

// sameTarget compares the targets of two references: named atoms by identity, all
// others by content.
func (c *comparison) sameTarget(a, b *objmodel.Atom) bool {
	if a.Name != "" || b.Name != "" {
		return c.pairs.ofOrig[a.Order] == b
	}
	return c.decide(atomPair{a, b}, c.same)
}

// entryDifference compares the special-section entries that two functions own.
func (c *comparison) entryDifference(a, b *objmodel.Atom) *Difference {
	for i := range min(len(a.Entries), len(b.Entries)) {
		e, f := a.Entries[i], b.Entries[i]
		if e.Section.Name != f.Section.Name {
			return &Difference{What: EntryDiffers, Section: f.Section.Name}
		}
		if d := c.difference(e, f); d != nil {
			return &Difference{What: EntryDiffers, Section: f.Section.Name, Off: d.Off, Old: d.Old, New: d.New}
		}
	}
	if n := min(len(a.Entries), len(b.Entries)); len(a.Entries) != len(b.Entries) {
		longer := a.Entries
		if len(b.Entries) > n {
			longer = b.Entries
		}
		return &Difference{What: EntryDiffers, Section: longer[n].Section.Name}
	}
	return nil
}
