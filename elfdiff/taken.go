package elfdiff

import "kintsugi/internal/elfobj"

// takes reports whether r, a reference in a, hands on the address of what it
// points at, so that an indirect branch can go there: anything but a direct
// branch and the entries that describe code.
func (a *Atom) takes(r *Ref) bool {
	return !r.Branch && r.Addend == 0 && a.Kind != Entry
}

// taken are the names of the functions and symbols whose address the object
// takes.
func (o *Object) taken() map[string]bool {
	taken := map[string]bool{}
	for _, a := range o.Atoms {
		for i := range a.Refs {
			r := &a.Refs[i]
			switch {
			case !a.takes(r):
			case r.Atom != nil:
				taken[r.Atom.Name] = true
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
	kernels := x.res.Orig
	if x.res.Kernels != nil {
		kernels = x.res.Kernels
	}
	before := kernels.taken()
	for i := range x.exts {
		e := &x.exts[i]
		name := e.Name
		if e.Old != nil {
			name = e.Old.Name
		}
		if !before[name] {
			e.TakenBy = by[e.Sym]
		}
	}
}
