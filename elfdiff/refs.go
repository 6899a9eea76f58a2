package elfdiff

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
			for len(list) > 0 && list[0].Offset < a.Off && o.arch.isMark(list[0]) {
				list = list[1:] // of the padding before a
			}
			for n < len(list) && list[n].Offset < a.Off+a.Size {
				n++
			}
			if err := o.resolveAtom(a, list[:n], refs[:n:n], &places); err != nil {
				return err
			}
			list, refs = list[n:], refs[n:]
		}
		for len(list) > 0 && o.arch.isMark(list[0]) {
			list = list[1:]
		}
		if spec, ok := o.arch.specialOf(sec.Name); len(list) > 0 && !(ok && spec.parallelTo != "") {
			return fmt.Errorf("section %s: relocation at %#x belongs to nothing", sec.Name, list[0].Offset)
		}
	}
	return nil
}

// resolveAtom fills refs, one for each of the relocations, and gives them to a.
func (o *Object) resolveAtom(a *Atom, relocs []elfobj.Reloc, refs []Ref, places *finder) error {
	for i, r := range relocs {
		if !o.known(r.Type) {
			return fmt.Errorf("%s: relocation type %d at %#x is not one of %s kernels", a, r.Type, r.Offset, o.arch.name)
		}
		if r.Offset < a.Off || r.Offset+uint64(o.kinds[r.Type].size) > a.Off+a.Size {
			return fmt.Errorf("%s: relocation at %#x crosses its bounds", a, r.Offset)
		}
		refs[i].Off, refs[i].Type = r.Offset-a.Off, r.Type
	}
	unrelocated := o.fieldsOf(a, refs)
	for i := range relocs {
		o.ungot(a, &refs[i], relocs[i].Sym)
		o.aim(&refs[i], &relocs[i], places)
		if t := refs[i].Atom; t != nil && t.Kind == Anon {
			a.loose = true
		}
	}
	a.Refs = refs
	if len(unrelocated) > 0 {
		a.Refs = slices.Concat(refs, unrelocated)
		slices.SortFunc(a.Refs, func(r, s Ref) int { return cmp.Compare(r.Off, s.Off) })
	}
	return nil
}

// fieldsOf says of the relocated fields of a, if that is code, what instructions
// they are in, and returns the references of its instructions that have no
// relocation.
func (o *Object) fieldsOf(a *Atom, fields []Ref) (unrelocated []Ref) {
	switch {
	case a.Section.Flags&elf.SHF_EXECINSTR == 0:
		return nil
	case o.arch.decode != nil:
		return o.readCode(a, fields)
	}
	for i := range fields {
		f, kind := &fields[i], o.kinds[fields[i].Type]
		f.Bias = kind.bias
		f.Branch = kind.branch || o.arch.branches != nil && kind.pcrel && o.arch.branches(a.Bytes(), f.Off)
	}
	return nil
}

// aim finds what a relocation points at.
func (o *Object) aim(ref *Ref, r *elfobj.Reloc, places *finder) {
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
	case byItself(r.Sym):
		atom = places.find(r.Sym.Section, int64(r.Sym.Value))
	default:
		atom = places.find(r.Sym.Section, int64(r.Sym.Value)+ref.Addend)
		ref.edge = o.edgeAt(atom, int64(r.Sym.Value)+ref.Addend)
	}
	if atom == nil { // a section without atoms: empty, or not allocated
		ref.Sym = r.Sym
		return
	}
	ref.Atom = atom
	ref.Addend += int64(r.Sym.Value) - int64(atom.Off)
}

// edgeAt is the data object that ends where the next one, a, begins at pos: a
// pointer to there can be one past the end of the first. Nil where that cannot be.
func (o *Object) edgeAt(a *Atom, pos int64) *Atom {
	if a == nil || a.Kind != Data || int64(a.Off) != pos || pos == 0 {
		return nil
	}
	before := o.find(a.Section, pos-1)
	if before == nil || before == a || before.Kind != Data || int64(before.Off+before.Size) != pos {
		return nil
	}
	return before
}

// byItself reports whether a symbol alone says what is meant, whatever is added:
// a label of code or of a string. What is added can also be the way from the
// start of a table to the field in it. In data, compilers name many things by
// one label.
func byItself(s *elfobj.Symbol) bool {
	return s.Type != elf.STT_SECTION && s.Section.Flags&(elf.SHF_MERGE|elf.SHF_EXECINSTR) != 0
}

// attachEntries gives the entries of special sections to the functions that
// their first relocation points into.
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

// handsOn reports whether some code of a uses the address of t for anything
// but an access to t.
func (o *Object) handsOn(a, t *Atom) bool {
	for i := range a.Refs {
		if r := &a.Refs[i]; r.Atom == t {
			if access, _ := o.accesses(a, r); !access {
				return true
			}
		}
	}
	return false
}

// accesses says what the instruction that r is in does with the address.
func (o *Object) accesses(a *Atom, r *Ref) (access, direct bool) {
	if o.arch.decode == nil || a.Section.Flags&elf.SHF_EXECINSTR == 0 {
		return false, false
	}
	code := a.Bytes()
	for pos := uint64(0); pos < uint64(len(code)); {
		in := o.arch.decode(code[pos:])
		if in.size == 0 {
			break
		}
		if r.Off < pos+uint64(in.size) {
			access = in.address > 0 && r.Off == pos+uint64(in.address)
			return access, access && in.direct
		}
		pos += uint64(in.size)
	}
	return false, false
}

// emptyReplacements makes alternatives that are replaced by nothing but nops
// point at themselves: the place after the last replacement, where their empty
// one would be, is that of another.
func (o *Object) emptyReplacements() {
	for _, a := range o.Atoms {
		if a.Kind == Entry && a.loose && a.Section.Name == ".altinstructions" && len(a.Refs) == 2 && replacementLength(a.Bytes()) == 0 {
			a.Refs[1].Atom, a.Refs[1].Addend = a.Refs[0].Atom, a.Refs[0].Addend
		}
	}
}

// replacementLength is the replacementlen of a struct alt_instr
// (arch/x86/include/asm/alternative.h): the last byte, but for the padlen
// that kernels before 5.13 have behind it.
func replacementLength(entry []byte) byte {
	if len(entry) == 13 {
		return entry[11]
	}
	return entry[len(entry)-1]
}

// attachReplacements gives the code of alternatives to the functions that it
// is for: what their entries, their own code or other such code point at.
func (o *Object) attachReplacements() {
	for found := true; found; {
		found = false
		for _, a := range o.Atoms {
			owner := a.function()
			if owner == nil || !a.loose {
				continue
			}
			for _, r := range a.Refs {
				if t := r.Atom; t != nil && t.Kind == Anon && t.Owner == nil && t.altinstr() {
					t.Owner, found = owner, true
				}
			}
		}
	}
}

// function is the function that a is or belongs to, nil for neither.
func (a *Atom) function() *Atom {
	if a.Kind == Func {
		return a
	}
	return a.Owner
}

// linkUsers notes for every atom which others refer to it. What an entry
// refers to is used by the function that owns the entry, what a pool of
// addresses (.toc) refers to by all who load it from there.
func (o *Object) linkUsers() {
	var pools []*Atom
	for _, a := range o.Atoms {
		switch {
		case a.pool():
			pools = append(pools, a)
		case a.Owner != nil:
			a.use(a.Owner)
		default:
			a.use(a)
		}
	}
	for _, a := range pools {
		a.use(a.users...)
	}
}

// use notes users for all that a refers to.
func (a *Atom) use(users ...*Atom) {
	for _, r := range a.Refs {
		for _, u := range users {
			t := r.Atom
			if t == nil || t == u {
				continue
			}
			if n := len(t.users); n == 0 || t.users[n-1] != u {
				t.users = append(t.users, u)
			}
		}
	}
}
