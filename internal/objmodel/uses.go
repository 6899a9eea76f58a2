package objmodel

import (
	"debug/elf"
	"fmt"
	"slices"

	"kintsugi/internal/arch"
)

// Escapes reports whether some code of a uses the address of t for anything
// but an access to t.
func (o *Object) Escapes(a, t *Atom) bool {
	for i := range a.Refs {
		if r := &a.Refs[i]; r.Atom == t {
			if access, _ := o.Accesses(a, r); !access {
				return true
			}
		}
	}
	return false
}

// Accesses reports whether the instruction that r is in reads or writes at the
// address, and whether it adds no register to it (direct).
func (o *Object) Accesses(a *Atom, r *Ref) (access, direct bool) {
	pos, in, ok := o.insnOf(a, r)
	access = ok && in.Address > 0 && r.Off == pos+uint64(in.Address)
	return access, access && in.Direct
}

// insnOf is the instruction of a that r is in, and where it begins. ok is false if
// a is not code, or the code up to r cannot be decoded.
func (o *Object) insnOf(a *Atom, r *Ref) (pos uint64, in arch.Insn, ok bool) {
	if o.Arch.Code.Decode == nil || a.Section.Flags&elf.SHF_EXECINSTR == 0 {
		return 0, arch.Insn{}, false
	}
	code := a.Bytes()
	for pos < uint64(len(code)) {
		in = o.Arch.Code.Decode(code[pos:])
		if in.Size == 0 {
			break
		}
		if r.Off < pos+uint64(in.Size) {
			return pos, in, true
		}
		pos += uint64(in.Size)
	}
	return 0, arch.Insn{}, false
}

// PassedTo is the reference of the call that gets the address of r, a reference
// in a, as an argument. It is nil if the code may do anything else with the
// address.
func (o *Object) PassedTo(a *Atom, r *Ref) *Ref {
	if o.Arch.Code.Argument == nil {
		return nil
	}
	pos, _, ok := o.insnOf(a, r)
	if !ok {
		return nil
	}
	call, ok := o.Arch.Code.Argument(a.Bytes(), pos)
	if !ok {
		return nil
	}
	for i := range a.Refs {
		if to := &a.Refs[i]; to.Off == call && to.Branch {
			return to
		}
	}
	return nil
}

// TakesAddress reports whether r, a reference in a, hands on the address of what
// it points at, so that an indirect branch can go there: anything but a direct
// branch and the entries that describe code.
func (a *Atom) TakesAddress(r *Ref) bool {
	return !r.Branch && r.Addend == 0 && a.Kind != Entry
}

// Targets are the atoms that a, its entries and the code of its alternatives
// refer to.
func (a *Atom) Targets() []*Atom {
	var list []*Atom
	for _, r := range a.AllRefs() {
		if r.Atom != nil && r.Atom != a {
			list = append(list, r.Atom)
		}
	}
	return list
}

// AllRefs are the references of a, of its entries and of the code that those
// replace it with.
func (a *Atom) AllRefs() []Ref {
	refs := slices.Clone(a.Refs)
	for _, e := range a.Entries {
		for _, r := range e.Refs {
			refs = append(refs, r)
			if t := r.Atom; t != nil && t.Owner == a && t.Kind == Anon {
				refs = append(refs, t.Refs...)
			}
		}
	}
	return refs
}

// LastTarget is what the last reference of an entry points at. The subtracted
// half of a difference points into the entry itself.
func (a *Atom) LastTarget() *Atom {
	for i := len(a.Refs) - 1; i >= 0; i-- {
		if a.Refs[i].Atom != a {
			return a.Refs[i].Atom
		}
	}
	return nil
}

// String is what the reference points at, for a person.
func (r *Ref) String() string {
	name := ""
	switch {
	case r.Atom != nil && r.Atom.Kind == String:
		return fmt.Sprintf("%q", r.Atom.Text(r.Addend))
	case r.Atom != nil:
		name = r.Atom.String()
	case r.Sym != nil:
		name = r.Sym.Name
	}
	if r.Addend != 0 {
		return fmt.Sprintf("%s%+d", name, r.Addend)
	}
	return name
}

// linkUsers notes for every atom which others refer to it. What an entry
// refers to is used by the function that owns the entry, what a pool of
// addresses (.toc) refers to by all who load it from there.
func (o *Object) linkUsers() {
	var pools []*Atom
	for _, a := range o.Atoms {
		switch {
		case a.Spec.Pool:
			pools = append(pools, a)
		case a.Owner != nil:
			a.use(a.Owner)
		default:
			a.use(a)
		}
	}
	for _, a := range pools {
		a.use(a.Users...)
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
			if n := len(t.Users); n == 0 || t.Users[n-1] != u {
				t.Users = append(t.Users, u)
			}
		}
	}
}
