package elfdiff

import "kintsugi/internal/objmodel"

// Pairing joins the same atoms of two objects as twins.
type Pairing struct {
	orig, patched *objmodel.Object
	ofOrig        []*objmodel.Atom // by Order of an atom of orig: its twin in patched
	ofPatched     []*objmodel.Atom // by Order of an atom of patched: its twin in orig
}

func newPairing(orig, patched *objmodel.Object) *Pairing {
	return &Pairing{orig: orig, patched: patched,
		ofOrig: make([]*objmodel.Atom, len(orig.Atoms)), ofPatched: make([]*objmodel.Atom, len(patched.Atoms))}
}

// Twin returns the corresponding atom in the other object, or nil.
func (p *Pairing) Twin(a *objmodel.Atom) *objmodel.Atom {
	switch i := a.Order; {
	case i < len(p.patched.Atoms) && p.patched.Atoms[i] == a:
		return p.ofPatched[i]
	case i < len(p.orig.Atoms) && p.orig.Atoms[i] == a:
		return p.ofOrig[i]
	}
	return nil
}

// join makes a of the original object and b of the patched object twins.
func (p *Pairing) join(a, b *objmodel.Atom) { p.ofOrig[a.Order], p.ofPatched[b.Order] = b, a }

// unmatched returns the atoms of list that have no twin.
func (p *Pairing) unmatched(list []*objmodel.Atom) []*objmodel.Atom {
	var rest []*objmodel.Atom
	for _, a := range list {
		if p.Twin(a) == nil {
			rest = append(rest, a)
		}
	}
	return rest
}
