package elfdiff

import (
	"fmt"
	"slices"

	"kintsugi/internal/diag"
	"kintsugi/internal/objmodel"
	"kintsugi/internal/report"
)

// kept asks for consent for each new variable or table in the module whose address included code
// hands out. The kernel can keep the address, but the memory is freed when the module is unloaded.
func (s *selection) kept() {
	seen := map[*objmodel.Atom]bool{}
	for _, a := range s.patched.Atoms {
		if s.reasons[a] == nil {
			continue
		}
		for i := range a.Refs {
			r := &a.Refs[i]
			switch {
			case r.Atom == a, r.Branch, a.Spec.Registers, hasRegistrar(a), s.onlyBorrowed(a, r):
			case r.Atom == nil && r.Sym != nil:
				s.handsOut(r.Sym.Name, a)
			case r.Atom != nil && s.reasons[r.Atom] != nil && s.twin(r.Atom) == nil && keepable(r.Atom) && !seen[r.Atom]:
				seen[r.Atom] = true
				s.diagnose(keptDiagnostic(r.Atom, a))
			}
		}
	}
}

// onlyBorrowed reports whether the code of a uses the address of r only to access its
// target, or passes it to a borrower.
func (s *selection) onlyBorrowed(a *objmodel.Atom, r *objmodel.Ref) bool {
	if access, _ := s.patched.Accesses(a, r); access {
		return true
	}
	call := s.patched.PassedTo(a, r)
	return call != nil && call.Sym != nil && borrowers[call.Sym.Name]
}

// keepable reports whether the kernel can use a pointer to b, which is new, for long. It can if b
// is a variable that the kernel changes, or a table of functions that it calls. A limiter is used
// only by the code beside it. lockdep forgets lock classes with their module
// (lockdep_free_key_range, kernel/locking/lockdep.c), and the kernel cleans up what the module
// loader registers.
func keepable(b *objmodel.Atom) bool {
	return b.Kind == objmodel.Data && b.Size > 0 && !limiter(b) && !b.Describes() && !b.Spec.Registered &&
		objmodel.StableName(b.Name) != "__key" && !hasRegistrar(b) && (b.Writable() || holdsFunctions(b))
}

// hasRegistrar reports whether the module loader registers b, and unregisters it with the module.
func hasRegistrar(b *objmodel.Atom) bool {
	return slices.ContainsFunc(b.Users, func(u *objmodel.Atom) bool { return u.Spec.Registers })
}

func keptDiagnostic(b, by *objmodel.Atom) report.Diagnostic {
	what := "table"
	if b.Writable() {
		what = "variable"
	}
	name := objmodel.StableName(b.Name) // a consent must hold for every kernel, whatever number the compiler gives
	return report.Found(report.Diagnostic{Code: diag.DataKept, Symbol: name,
		Message: fmt.Sprintf("%s hands out the address of the new %s %s, and the kernel can keep it", by, what, name),
		Hint: "Accept it: the module then stays in memory until the next boot. Or allocate the object, " +
			"and free it in a callback."})
}

func functionKept(f *objmodel.Atom) report.Diagnostic {
	return report.Found(report.Diagnostic{Code: diag.PointerKept, Symbol: f.String(),
		Message: fmt.Sprintf("the kernel can keep a pointer to the new function %s: "+
			"unload the module only when nothing uses it", f)})
}

// handsOut records that a hands out the address of a symbol that another unit defines.
func (s *selection) handsOut(name string, a *objmodel.Atom) {
	if s.res.handsOut == nil {
		s.res.handsOut = map[string]*objmodel.Atom{}
	}
	if s.res.handsOut[name] == nil {
		s.res.handsOut[name] = a
	}
}

// KeptBy returns the findings about new global variables and functions of r whose addresses the
// code of another unit hands out.
func (r *Result) KeptBy(other *Result) []report.Diagnostic {
	var found []report.Diagnostic
	for _, d := range r.Data {
		if by := other.handsOut[d.Name]; by != nil && d.Status == report.StatusNew && d.New.Global() && keepable(d.New) {
			found = append(found, keptDiagnostic(d.New, by))
		}
	}
	for _, f := range r.Functions {
		if by := other.handsOut[f.Name]; by != nil && f.Old == nil && f.New.Global() {
			found = append(found, functionKept(f.New))
		}
	}
	return found
}
