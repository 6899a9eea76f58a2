package objmodel

import (
	"sort"

	"kintsugi/internal/elfobj"
)

// find returns the atom of sec that contains pos. A position outside every atom belongs to the atom
// before it (one past the end of an array), or to the first atom.
func (o *Object) find(sec *elfobj.Section, pos int64) *Atom {
	f := finder{obj: o}
	return f.find(sec, pos)
}

// finder finds atoms by their place. It begins with the last atom found, because many relocations
// are in the order of their targets.
type finder struct {
	obj     *Object
	section *elfobj.Section
	atoms   []*Atom // of the section
	last    int
}

func (f *finder) find(sec *elfobj.Section, pos int64) *Atom {
	if sec != f.section {
		f.section, f.atoms, f.last = sec, f.obj.bySection[sec], 0
	}
	if len(f.atoms) == 0 {
		return nil
	}
	for i := f.last; i < min(f.last+2, len(f.atoms)); i++ {
		if int64(f.atoms[i].Off) <= pos && (i+1 == len(f.atoms) || pos < int64(f.atoms[i+1].Off)) {
			f.last = i
			return f.atoms[i]
		}
	}
	i := sort.Search(len(f.atoms), func(i int) bool { return int64(f.atoms[i].Off) > pos })
	f.last = max(i-1, 0)
	return f.atoms[f.last]
}

// AtomAt returns the atom with the byte at off of a section, or nil.
func (o *Object) AtomAt(sec *elfobj.Section, off uint64) *Atom {
	a := o.find(sec, int64(off))
	if a == nil || off < a.Off || off-a.Off >= a.Size {
		return nil
	}
	return a
}

// PointedAt returns the atom that a relocation outside all atoms points at, and the offset in it.
func (o *Object) PointedAt(r elfobj.Reloc) (*Atom, int64) {
	if r.Sym == nil || r.Sym.Section == nil {
		return nil, 0
	}
	pos := int64(r.Sym.Value) + r.Addend
	a := o.find(r.Sym.Section, pos)
	if a == nil {
		return nil, 0
	}
	return a, pos - int64(a.Off)
}

// SymbolAt returns the name of a symbol at a place, or "".
func (o *Object) SymbolAt(sec *elfobj.Section, off uint64) string {
	for _, s := range o.File.Symbols {
		if s.Section == sec && s.Value == off && s.Name != "" {
			return s.Name
		}
	}
	return ""
}
