package objmodel

import (
	"debug/elf"
	"fmt"
	"slices"

	"kintsugi/internal/arch"
)

// Escapes reports whether some code of a uses the address of t for anything but an access to t.
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

// Accesses reports whether the instruction of r reads or writes memory at the address, and whether
// it adds no register to the address (direct).
func (o *Object) Accesses(a *Atom, r *Ref) (access, direct bool) {
	pos, in, ok := o.insnOf(a, r)
	access = ok && in.Address > 0 && r.Off == pos+uint64(in.Address)
	return access, access && in.Direct
}

// Loads reports whether the instruction with the field of r only reads memory at the address.
func (o *Object) Loads(a *Atom, r *Ref) bool {
	pos, in, ok := o.insnOf(a, r)
	return ok && in.Load && in.Address > 0 && r.Off == pos+uint64(in.Address)
}

// insnOf returns the instruction with the field of r, a reference in a, and the offset of the
// instruction. ok is false if a is not code, or if the code up to r cannot be decoded.
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

// PassedTo returns the call that gets the address of r, a reference in a, and the number of the
// argument. The call is nil if the code may use the address in any other way.
func (o *Object) PassedTo(a *Atom, r *Ref) (call *Ref, arg int) {
	if o.Arch.Code.Argument == nil {
		return nil, 0
	}
	pos, _, ok := o.insnOf(a, r)
	if !ok {
		return nil, 0
	}
	field, arg, ok := o.Arch.Code.Argument(a.Bytes(), pos)
	if !ok {
		return nil, 0
	}
	return a.branchAt(field), arg
}

// branchAt returns the branch whose field is at off, or nil.
func (a *Atom) branchAt(off uint64) *Ref {
	for i := range a.Refs {
		if to := &a.Refs[i]; to.Off == off && to.Branch {
			return to
		}
	}
	return nil
}

// Borrows reports whether function a only accesses memory at its argument number arg, an address,
// or passes the address to functions for which passes is true.
func (o *Object) Borrows(a *Atom, arg int, passes func(call *Ref, arg int) bool) bool {
	if o.Arch.Code.Borrows == nil {
		return false
	}
	return o.Arch.Code.Borrows(a.Bytes(), arg, func(field uint64, arg int) bool {
		to := a.branchAt(field)
		if to == nil || to.Atom == a { // within the function
			return true
		}
		return slices.Contains(o.Arch.Symbols.Silent, to.String()) || passes(to, arg)
	})
}

// StoredIn returns the atoms in which the code of a stores the address of r, a reference in a. An
// atom is nil if the code stores through a pointer, or in a variable of another object. The stack
// does not count.
func (o *Object) StoredIn(a *Atom, r *Ref) []*Atom {
	if o.Arch.Code.Stored == nil {
		return nil
	}
	pos, in, ok := o.insnOf(a, r)
	if !ok || in.Address > 0 && r.Off == pos+uint64(in.Address) {
		return nil
	}
	var list []*Atom
	for _, at := range o.Arch.Code.Stored(a.Bytes(), pos) {
		list = append(list, o.accessedAt(a, at))
	}
	return list
}

// accessedAt is the atom whose memory the instruction of a at pos accesses, nil if no
// reference shows it.
func (o *Object) accessedAt(a *Atom, pos uint64) *Atom {
	in := o.Arch.Code.Decode(a.Bytes()[pos:])
	for i := range a.Refs {
		if r := &a.Refs[i]; in.Address > 0 && r.Off == pos+uint64(in.Address) {
			return r.Atom
		}
	}
	return nil
}

// TakesAddress reports whether r, a reference in a, passes on the address of its target, so that an
// indirect branch can reach it. Direct branches and entries that describe code do not.
func (a *Atom) TakesAddress(r *Ref) bool {
	return !r.Branch && r.Addend == 0 && a.Kind != Entry
}

// Targets returns the atoms that a, its entries and the code of its alternatives refer to.
func (a *Atom) Targets() []*Atom {
	var list []*Atom
	for _, r := range a.AllRefs() {
		if r.Atom != nil && r.Atom != a {
			list = append(list, r.Atom)
		}
	}
	return list
}

// AllRefs returns the references of a, of its entries and of the code of its alternatives.
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

// LastTarget returns the target of the last reference of an entry. The subtracted half of a
// difference points into the entry itself.
func (a *Atom) LastTarget() *Atom {
	for i := len(a.Refs) - 1; i >= 0; i-- {
		if a.Refs[i].Atom != a {
			return a.Refs[i].Atom
		}
	}
	return nil
}

// String returns the reference's target for messages.
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

// linkUsers records the users of every atom. The target of an entry is used by the function that
// owns the entry. The targets of a pool of addresses (.toc) are used by everything that loads
// addresses from it.
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

// use records users for all targets of a.
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
