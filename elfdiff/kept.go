package elfdiff

import (
	"fmt"
	"slices"

	"kintsugi/internal/diag"
	"kintsugi/internal/objmodel"
	"kintsugi/internal/report"
)

// kept asks for consent if the kernel can keep an address in the module's memory, which is freed
// when the module is unloaded. This can happen to new variables and tables whose address included
// code hands out, and to constants whose address it stores.
func (s *selection) kept() {
	seen := map[*objmodel.Atom]bool{}
	for _, a := range s.patched.Atoms {
		if s.reasons[a] == nil {
			continue
		}
		for i := range a.Refs {
			r := &a.Refs[i]
			switch {
			case r.Atom == a, r.Branch, a.Spec.Registers, hasRegistrar(a):
			case s.stored(a, r):
				s.diagnose(s.storedDiagnostic(a, r))
			case r.Atom == nil && r.Sym != nil:
				if h := s.handing(a, r); h != nil {
					s.handsOut(r.Sym.Name, h)
				}
			case r.Atom != nil && !seen[r.Atom] && s.inModule(r.Atom) && keepable(r.Atom) && s.handing(a, r) != nil:
				seen[r.Atom] = true
				s.diagnose(keptDiagnostic(r.Atom, a))
			}
		}
	}
}

// stored reports whether the code of a stores the address of r, a constant of the module, in the
// kernel's memory.
func (s *selection) stored(a *objmodel.Atom, r *objmodel.Ref) bool {
	b := r.Atom
	return a.Kind == objmodel.Func && b != nil && s.reasons[b] != nil && b.IsConst() && !answer(b) &&
		!(s.inModule(b) && keepable(b)) &&
		slices.ContainsFunc(s.patched.StoredIn(a, r), func(in *objmodel.Atom) bool { return in == nil || !s.inModule(in) })
}

// storedBefore reports whether the function that a replaces refers to a constant with the contents
// of r's. The kernel then has pointers to its own copy, and a replacement that only repeats the store
// is as usual as one that gives away a function.
func (s *selection) storedBefore(a *objmodel.Atom, r *objmodel.Ref) bool {
	old := s.twin(a)
	if old == nil {
		return false
	}
	return slices.ContainsFunc(old.AllRefs(), func(o objmodel.Ref) bool {
		if r.Atom.Kind == objmodel.String {
			return o.Atom != nil && o.Atom.Kind == objmodel.String && o.String() == r.String()
		}
		return o.Atom != nil && o.Atom == s.twin(r.Atom) && dataStatus(o.Atom, s.reasons[r.Atom]) != report.StatusChanged
	})
}

// answer reports whether b is the text of an answer to a netlink request, which is read
// before the request ends (NL_SET_ERR_MSG, include/linux/netlink.h).
func answer(b *objmodel.Atom) bool { return localName(b) == "__msg" }

// inModule reports whether b is memory of the module that the kernel does not have.
func (s *selection) inModule(b *objmodel.Atom) bool {
	return s.reasons[b] != nil && (s.twin(b) == nil || s.becomesWritable(b))
}

// handing describes how the code of a hands out the address of r. It is nil if the code only uses
// the address to access memory, or passes it to a function that does only this.
func (s *selection) handing(a *objmodel.Atom, r *objmodel.Ref) *handing {
	if access, _ := s.patched.Accesses(a, r); access {
		return nil
	}
	call, arg := s.patched.PassedTo(a, r)
	switch {
	case call == nil:
		return &handing{by: a}
	case s.borrows(call, arg, 0):
		return nil
	case call.Atom == nil:
		return &handing{by: a, to: call.Sym.Name, arg: arg}
	}
	return &handing{by: a}
}

// mostPassed limits the number of functions through which an address is followed.
const mostPassed = 5

// borrows reports whether the called function only accesses memory at its argument number arg, or
// passes the argument to functions that do only this. It must be a known function of the kernel, or
// a function of the module: the code of other functions of the kernel can change.
func (s *selection) borrows(call *objmodel.Ref, arg, depth int) bool {
	f := call.Atom
	switch {
	case f == nil:
		return call.Sym != nil && borrowers[call.Sym.Name]
	case borrowers[f.Name]:
		return true
	case f.Kind != objmodel.Func || call.Addend != 0 || s.reasons[f] == nil || depth > mostPassed:
		return false
	}
	return s.patched.Borrows(f, arg, func(call *objmodel.Ref, arg int) bool { return s.borrows(call, arg, depth+1) })
}

// borrowsByName is borrows for a global function of the patched object.
func (s *selection) borrowsByName(function string, arg int) bool {
	sym := s.defined()[function]
	return sym != nil && s.borrows(&objmodel.Ref{Atom: s.patched.AtomOf(sym)}, arg, 0)
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

// storedDiagnostic asks for consent if the patch brings the constant, and warns if the kernel's
// function stored the same.
func (s *selection) storedDiagnostic(a *objmodel.Atom, r *objmodel.Ref) report.Diagnostic {
	name, what := objmodel.StableName(r.Atom.Name), "constant "+objmodel.StableName(r.Atom.Name)
	if r.Atom.Name == "" { // it has no name that a consent could have
		name, what = rootName(a), "string "+r.String()
		if r.Atom.Kind != objmodel.String {
			what = "constant in " + r.Atom.Section.Name
		}
	}
	d := report.Diagnostic{Code: diag.DataKept, Symbol: name,
		Message: fmt.Sprintf("%s stores the address of the %s, which is in the module, and the kernel can keep it", a, what),
		Hint: "Accept it: the module then stays in memory until the next boot. Or copy the contents (kstrdup(), kmemdup()), " +
			"and free them with the object."}
	if s.storedBefore(a, r) {
		d.Code = diag.PointerKept
		d.Hint = "Unload the module only when nothing uses the address. Or accept the finding: the module then stays in memory " +
			"until the next boot."
	}
	return report.Found(d)
}

// handing is code that hands out the address of a symbol that another unit defines.
type handing struct {
	by  *objmodel.Atom
	to  string // function of another unit that gets the address as an argument, if this is the only use
	arg int
}

// handsOut records that code hands out the address of name, which another unit defines.
func (s *selection) handsOut(name string, h *handing) {
	if s.res.handsOut == nil {
		s.res.handsOut = map[string][]*handing{}
	}
	s.res.handsOut[name] = append(s.res.handsOut[name], h)
}

// keeperOf returns code of other units that hands out the address of name, which r defines, or nil.
// A function of r that only accesses memory at the address keeps nothing.
func (r *Result) keeperOf(name string, other *Result) *objmodel.Atom {
	for _, h := range other.handsOut[name] {
		if h.to == "" || !r.borrows(h.to, h.arg) {
			return h.by
		}
	}
	return nil
}

// KeptBy returns the findings about new global variables and functions of r whose addresses the
// code of another unit hands out.
func (r *Result) KeptBy(other *Result) []report.Diagnostic {
	var found []report.Diagnostic
	for _, d := range r.Data {
		if d.Status != report.StatusNew || !d.New.Global() || !keepable(d.New) {
			continue
		}
		if by := r.keeperOf(d.Name, other); by != nil {
			found = append(found, keptDiagnostic(d.New, by))
		}
	}
	for _, f := range r.Functions {
		if by := r.keeperOf(f.Name, other); by != nil && f.Old == nil && f.New.Global() {
			found = append(found, functionKept(f.New))
		}
	}
	return found
}
