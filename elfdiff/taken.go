package elfdiff

import "kintsugi/internal/elfobj"

// takes reports whether r, a reference in a, hands on the address of what it
// points at, so that an indirect branch can go there: anything but a direct
// branch and the entries that describe code.
func (a *Atom) takes(r *Ref) bool {
	return !r.Branch && r.Addend == 0 && a.Kind != Entry
}

// taken are the functions and symbols whose address the object takes: atoms,
// and the names of undefined symbols.
func (o *Object) taken() map[any]bool {
	taken := map[any]bool{}
	for _, a := range o.Atoms {
		for i := range a.Refs {
			r := &a.Refs[i]
			switch {
			case !a.takes(r):
			case r.Atom != nil:
				taken[r.Atom] = true
			case r.Sym != nil:
				taken[r.Sym.Name] = true
			}
		}
	}
	return taken
}

// noteTaken notes which of the extracted file's external symbols have their
// address taken anew, and by what.
func (x *extractor) noteTaken(by map[*elfobj.Symbol]string) {
	before := x.res.Orig.taken()
	for i := range x.exts {
		e := &x.exts[i]
		key := any(e.Name)
		if e.Old != nil {
			key = e.Old
		}
		if !before[key] {
			e.TakenBy = by[e.Sym]
		}
	}
}
