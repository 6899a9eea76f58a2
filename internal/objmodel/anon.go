package objmodel

import (
	"sort"

	"kintsugi/internal/elfobj"
)

// cutAnonymous cuts stretches without a symbol at every place that something points at:
// replacements of alternatives, constants, switch tables. Each piece can then be included
// separately.
func (o *Object) cutAnonymous() {
	cuts := o.anonymousCuts()
	if len(cuts) == 0 {
		return
	}
	pieces := map[*Atom][]*Atom{}
	for a, at := range cuts {
		pieces[a] = a.cut(at)
	}
	o.replaceAtoms(pieces)
	for _, a := range o.Atoms {
		if !a.refersUnnamed {
			continue
		}
		for i := range a.Refs {
			a.Refs[i].moveTo(pieces)
		}
	}
}

// anonymousCuts returns, by atom, the offsets inside it that something refers to.
func (o *Object) anonymousCuts() map[*Atom][]uint64 {
	seen := map[*Atom]map[uint64]bool{}
	for _, a := range o.Atoms {
		if !a.refersUnnamed {
			continue
		}
		for _, r := range a.Refs {
			if r.Atom == nil || r.Atom.Kind != Anon || r.Addend <= 0 || uint64(r.Addend) >= r.Atom.Size {
				continue
			}
			if r.Atom == a || !startsPiece(a, r.Atom) {
				continue // a place inside a piece
			}
			if seen[r.Atom] == nil {
				seen[r.Atom] = map[uint64]bool{}
			}
			seen[r.Atom][uint64(r.Addend)] = true
		}
	}
	cuts := map[*Atom][]uint64{}
	for a, set := range seen {
		for off := range set {
			cuts[a] = append(cuts[a], off)
		}
		sort.Slice(cuts[a], func(i, j int) bool { return cuts[a][i] < cuts[a][j] })
	}
	return cuts
}

// startsPiece reports whether a reference of a is to the start of a piece of to. Only
// .altinstructions knows the starts of replacements: other sections (.smp_locks) refer to places
// inside them.
func startsPiece(a, to *Atom) bool {
	return to.Section.Name != ".altinstr_replacement" || a.Section.Name == ".altinstructions"
}

// cut divides a at the offsets in at, which are ascending.
func (a *Atom) cut(at []uint64) []*Atom {
	var list []*Atom
	refs := a.Refs
	for i := 0; i <= len(at); i++ {
		from, to := uint64(0), a.Size
		if i > 0 {
			from = at[i-1]
		}
		if i < len(at) {
			to = at[i]
		}
		p := &Atom{Kind: Anon, Section: a.Section, Spec: a.Spec, Off: a.Off + from, Size: to - from,
			refersUnnamed: a.refersUnnamed}
		n := sort.Search(len(refs), func(i int) bool { return refs[i].Off >= to })
		for _, r := range refs[:n] {
			r.Off -= from
			p.Refs = append(p.Refs, r)
		}
		refs = refs[n:]
		list = append(list, p)
	}
	return list
}

// replaceAtoms replaces atoms by the pieces that were cut from them.
func (o *Object) replaceAtoms(pieces map[*Atom][]*Atom) {
	replace := func(atoms []*Atom) []*Atom {
		list := make([]*Atom, 0, len(atoms)+len(pieces))
		for _, a := range atoms {
			if p, ok := pieces[a]; ok {
				list = append(list, p...)
			} else {
				list = append(list, a)
			}
		}
		return list
	}
	o.Atoms = replace(o.Atoms)
	for i, a := range o.Atoms {
		a.Order = i
	}
	done := map[*elfobj.Section]bool{}
	for a := range pieces {
		if !done[a.Section] {
			o.bySection[a.Section] = replace(o.bySection[a.Section])
			done[a.Section] = true
		}
	}
}

// moveTo moves a reference from an atom to the piece that it points at.
func (r *Ref) moveTo(pieces map[*Atom][]*Atom) {
	if r.Atom == nil || r.Atom.Kind != Anon {
		return
	}
	list, ok := pieces[r.Atom]
	if !ok {
		return
	}
	pos := int64(r.Atom.Off) + r.Addend
	i := sort.Search(len(list), func(i int) bool { return int64(list[i].Off) > pos })
	r.Atom = list[max(i-1, 0)]
	r.Addend = pos - int64(r.Atom.Off)
}
