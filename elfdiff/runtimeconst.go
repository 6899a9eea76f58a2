package elfdiff

import (
	"kintsugi/internal/diag"
	"kintsugi/internal/objmodel"
)

// checkConstants checks that an included function can load its runtime constants, and
// drops their entries.
func (s *selection) checkConstants(a *objmodel.Atom) {
	for _, e := range a.Entries {
		if !objmodel.RuntimeConst(e.Section.Name) {
			continue
		}
		v, ok := s.patched.RuntimeVariable(a, e)
		if !ok || v.Atom != nil && s.twin(v.Atom) == nil {
			s.refuse(diag.UnknownSection, a, "Make the change in a function that calls this one.",
				"%s contains a number that the kernel writes into its code at boot (%s), but not into modules",
				a, e.Section.Name)
			continue
		}
		s.dropped[e] = true
	}
}
