package elfdiff

import (
	"slices"

	"kintsugi/internal/objmodel"
	"kintsugi/internal/report"
)

// matchConstness joins static variables with equal contents that the compiler moves between
// read-only and writable data. gcc treats a static array as a constant if no code writes to it or
// hands out its address, whatever its type.
func (p *Pairing) matchConstness() {
	type key struct{ file, name string }
	sole := func(o *objmodel.Object) map[key]*objmodel.Atom {
		files, m := objmodel.FileBlocks(o.File), map[key]*objmodel.Atom{}
		for _, a := range p.unmatched(o.Atoms) {
			if !canMove(a) {
				continue
			}
			k := key{files[a.Sym], objmodel.StableName(a.Name)}
			if _, twice := m[k]; twice {
				a = nil
			}
			m[k] = a
		}
		return m
	}
	olds := sole(p.orig)
	if len(olds) == 0 {
		return
	}
	c := newComparison(p)
	for k, b := range sole(p.patched) {
		if a := olds[k]; a != nil && b != nil && a.Writable() != b.Writable() && c.same(a, b) {
			p.join(a, b)
		}
	}
}

// canMove reports whether only the compiler decides if a is read-only.
func canMove(a *objmodel.Atom) bool {
	if a.Kind != objmodel.Data || a.Name == "" || a.Global() || a.Size == 0 || a.Spec.Unowned || a.Spec.Registered ||
		a.Describes() || limiter(a) || generated(a) {
		return false
	}
	base := baseSection(a)
	return base == ".data" || base == ".rodata"
}

// becomesWritable reports whether b, a patched variable, is a constant in the kernel, and patched
// code may write to it.
func (s *selection) becomesWritable(b *objmodel.Atom) bool {
	a := s.twin(b)
	return a != nil && b.Kind == objmodel.Data && !a.Writable() && b.Writable() && !b.Global() && canMove(b) &&
		slices.ContainsFunc(b.Users, func(u *objmodel.Atom) bool { return s.mayWrite(u, b) })
}

// mayWrite reports whether u may do anything with b but read it.
func (s *selection) mayWrite(u, b *objmodel.Atom) bool {
	for i := range u.Refs {
		if r := &u.Refs[i]; r.Atom == b && !s.patched.Loads(u, r) {
			return true
		}
	}
	return false
}

// takeOver includes b, which is a constant in the kernel. The kernel's copy cannot be written to,
// so all code that uses b uses the module's copy.
func (s *selection) takeOver(b *objmodel.Atom) {
	d := &Difference{What: SectionDiffers}
	s.include(b, d, report.Cause{Kind: report.ByData, Symbol: b.Name, Detail: d.describe()})
	s.pullUsers(b)
}
