package extract

import (
	"kintsugi/internal/elfobj"
	"kintsugi/internal/objmodel"
)

// taken returns the names of the functions and symbols whose address the object takes.
func taken(o *objmodel.Object) map[string]bool {
	taken := map[string]bool{}
	for _, a := range o.Atoms {
		for i := range a.Refs {
			r := &a.Refs[i]
			switch {
			case !a.TakesAddress(r):
			case r.Atom != nil:
				taken[r.Atom.Name] = true
			case r.Sym != nil:
				taken[r.Sym.Name] = true
			}
		}
	}
	return taken
}

// noteTaken records the external symbols of the extracted file whose address is newly
// taken, and by what.
func (x *extractor) noteTaken(by map[*elfobj.Symbol]string) {
	before := taken(x.opts.Kernel)
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
