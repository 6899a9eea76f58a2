package objmodel

import (
	"cmp"
	"debug/elf"
	"fmt"
	"slices"

	"kintsugi/internal/elfobj"
)

// resolve gives every atom its references.
func (o *Object) resolve(relocs sectionRelocs) error {
	places := finder{obj: o}
	for _, sec := range o.File.Sections {
		list := relocs[sec]
		refs := make([]Ref, len(list))
		for _, a := range o.bySection[sec] {
			n := 0
			for len(list) > 0 && list[0].Offset < a.Off && o.isMark(list[0]) {
				list = list[1:] // relocations of the padding before a
			}
			for n < len(list) && list[n].Offset < a.Off+a.Size {
				n++
			}
			if err := o.resolveAtom(a, list[:n], refs[:n:n], &places); err != nil {
				return err
			}
			list, refs = list[n:], refs[n:]
		}
		for len(list) > 0 && o.isMark(list[0]) {
			list = list[1:]
		}
		if spec, ok := o.Arch.Section(sec.Name); len(list) > 0 && !(ok && spec.ParallelTo != "") {
			return fmt.Errorf("section %s: relocation at %#x belongs to nothing", sec.Name, list[0].Offset)
		}
	}
	return nil
}

// resolveAtom fills refs, one for each of the relocations, and gives them to a.
func (o *Object) resolveAtom(a *Atom, relocs []elfobj.Reloc, refs []Ref, places *finder) error {
	for i, r := range relocs {
		if !o.Reloc(r.Type).Known {
			return fmt.Errorf("%s: relocation type %d at %#x is not one of %s kernels", a, r.Type, r.Offset, o.Arch.Name)
		}
		if r.Offset < a.Off || r.Offset+uint64(o.relocs[r.Type].Size) > a.Off+a.Size {
			return fmt.Errorf("%s: relocation at %#x crosses its bounds", a, r.Offset)
		}
		refs[i].Off, refs[i].Type = r.Offset-a.Off, r.Type
	}
	unrelocated := o.fieldsOf(a, refs)
	for i := range relocs {
		o.relaxGOT(a, &refs[i], relocs[i].Sym)
		o.resolveTarget(&refs[i], &relocs[i], places)
		if t := refs[i].Atom; t != nil && t.Kind == Anon {
			a.refersUnnamed = true
		}
	}
	a.Refs = refs
	if len(unrelocated) > 0 {
		a.Refs = slices.Concat(refs, unrelocated)
		slices.SortFunc(a.Refs, func(r, s Ref) int { return cmp.Compare(r.Off, s.Off) })
	}
	return nil
}

// fieldsOf sets bias and branch of the relocated fields of a, if a is code, and returns the
// references of its instructions that have no relocation.
func (o *Object) fieldsOf(a *Atom, fields []Ref) (unrelocated []Ref) {
	switch {
	case a.Section.Flags&elf.SHF_EXECINSTR == 0:
		return nil
	case o.Arch.Code.Decode != nil:
		return o.readCode(a, fields)
	}
	for i := range fields {
		f, kind := &fields[i], o.relocs[fields[i].Type]
		f.Bias = kind.Bias
		f.Branch = kind.Branch || o.Arch.Code.Branches != nil && kind.PCRel && o.Arch.Code.Branches(a.Bytes(), f.Off)
	}
	return nil
}

// resolveTarget finds the target of a relocation.
func (o *Object) resolveTarget(ref *Ref, r *elfobj.Reloc, places *finder) {
	ref.Addend = r.Addend - int64(ref.Bias)
	if r.Sym == nil || r.Sym.Section == nil {
		ref.Sym = r.Sym
		return
	}
	var atom *Atom
	if r.Sym.Type != elf.STT_SECTION {
		atom = o.bySymbol[r.Sym]
	}
	switch {
	case atom != nil:
	case namesAtom(r.Sym):
		atom = places.find(r.Sym.Section, int64(r.Sym.Value))
	default:
		atom = places.find(r.Sym.Section, int64(r.Sym.Value)+ref.Addend)
		ref.Before = o.endingAt(atom, int64(r.Sym.Value)+ref.Addend)
	}
	if atom == nil { // a section without atoms: empty, or not allocated
		ref.Sym = r.Sym
		return
	}
	ref.Atom = atom
	ref.Addend += int64(r.Sym.Value) - int64(atom.Off)
}

// endingAt returns the data object that ends at pos, where the next one, a, begins: a pointer to
// pos can be one past the end of the first. It returns nil if that is impossible.
func (o *Object) endingAt(a *Atom, pos int64) *Atom {
	if a == nil || a.Kind != Data || int64(a.Off) != pos || pos == 0 {
		return nil
	}
	before := o.find(a.Section, pos-1)
	if before == nil || before == a || before.Kind != Data || int64(before.Off+before.Size) != pos {
		return nil
	}
	return before
}

// namesAtom reports whether a symbol alone identifies the target, whatever the addend: a label of
// code or of a string. The addend can also contain the distance from the start of a table to the
// field in it. In data, compilers use one label for many things.
func namesAtom(s *elfobj.Symbol) bool {
	return s.Type != elf.STT_SECTION && s.Section.Flags&(elf.SHF_MERGE|elf.SHF_EXECINSTR) != 0
}

// attachEntries assigns the entries of special sections to the functions that their first
// relocation points into.
func (o *Object) attachEntries() error {
	for _, a := range o.Atoms {
		if a.Kind != Entry {
			continue
		}
		if len(a.Refs) > 0 && a.Refs[0].Atom != nil && a.Refs[0].Atom.Section.Flags&elf.SHF_EXECINSTR != 0 {
			a.Owner = a.Refs[0].Atom
			if a.Owner.Entries == nil {
				a.Owner.Entries = make([]*Atom, 0, 6)
			}
			a.Owner.Entries = append(a.Owner.Entries, a)
		}
	}
	o.emptyReplacements()
	o.attachReplacements()
	return o.attachUnwinding()
}

// emptyReplacements handles alternatives that are replaced only by nops: it makes them point at
// themselves. Their empty replacement is at the place after the last replacement, which belongs to
// another alternative.
func (o *Object) emptyReplacements() {
	for _, a := range o.Atoms {
		if a.Kind == Entry && a.refersUnnamed && a.Section.Name == ".altinstructions" && len(a.Refs) == 2 &&
			o.Arch.Code.ReplacementLength(a.Bytes()) == 0 {
			a.Refs[1].Atom, a.Refs[1].Addend = a.Refs[0].Atom, a.Refs[0].Addend
		}
	}
}

// attachReplacements assigns the code of alternatives to its functions: their entries, their own
// code or other such code point at it.
func (o *Object) attachReplacements() {
	for found := true; found; {
		found = false
		for _, a := range o.Atoms {
			owner := a.function()
			if owner == nil || !a.refersUnnamed {
				continue
			}
			for _, r := range a.Refs {
				if t := r.Atom; t != nil && t.Kind == Anon && t.Owner == nil && t.OfAlternative() {
					t.Owner, found = owner, true
				}
			}
		}
	}
}

// function returns the function that a is or belongs to, or nil.
func (a *Atom) function() *Atom {
	if a.Kind == Func {
		return a
	}
	return a.Owner
}
