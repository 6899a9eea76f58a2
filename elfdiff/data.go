package elfdiff

import (
	"slices"

	"kintsugi/internal/diag"
	"kintsugi/internal/objmodel"
	"kintsugi/internal/report"
)

// data compares the named objects that both sides have. Changed constants are included
// with their users. A changed initial value is refused: it does not change the writable
// memory of the running kernel.
func (s *selection) data() {
	for _, b := range s.patched.Atoms {
		if b.Kind != objmodel.Data {
			continue
		}
		if s.twin(b) == nil {
			s.newData(b)
			continue
		}
		d := s.cmp.difference(s.twin(b), b)
		switch {
		case s.becomesWritable(b):
			s.takeOver(b)
		case b.Spec.Unowned && b.Section.Name != s.twin(b).Section.Name: // a GPL export, say
			s.refuseUnowned(b, "changed")
		case d == nil, s.ignores(b), listed(b):
		case b.Describes():
			s.remark(diag.DebugSiteKept, b, "%s keeps the kernel's entry in dynamic_debug/control", b)
		case b.Spec.Unowned:
			s.refuseUnowned(b, "changed")
		case b.Init():
			s.init = append(s.init, b)
		case !b.IsConst():
			s.refuse(diag.DataChanged, b, dataAdvice, "the initial value or size of the writable variable %s changed", b.Name)
		case b.Global():
			s.refuse(diag.DataChanged, b, "Change the code that uses it instead.",
				"the constant %s changed, and other units of the kernel can use it", b.Name)
		default:
			s.include(b, d, report.Cause{Kind: report.ByData, Symbol: b.Name, Detail: d.describe()})
			s.pullUsers(b)
		}
	}
}

// listed reports whether b is only in a list that code does not need.
func listed(b *objmodel.Atom) bool {
	return b.IsConst() && len(b.Users) > 0 && !slices.ContainsFunc(b.Users, func(u *objmodel.Atom) bool {
		return !u.Spec.Passive || len(u.Users) > 0
	})
}

const dataAdvice = "The running kernel already holds its value: set it from a livepatch callback, " +
	"or attach new state with a shadow variable."

// newData includes new global objects. A new static object is included when an included
// atom refers to it.
func (s *selection) newData(b *objmodel.Atom) {
	switch {
	case b.Spec.Unowned:
		s.refuseUnowned(b, "new")
	case b.Init(), b.Spec.Registers:
	case b.Global() && sectionClass(b) == "percpu":
		s.refusePerCPU(b)
	case b.Global():
		s.include(b, nil, report.Cause{Kind: report.ByData, Symbol: b.Name, Detail: "new object"})
	}
}

func (s *selection) refusePerCPU(b *objmodel.Atom) {
	s.refuse(diag.UnknownSection, b, "Allocate it in a callback with alloc_percpu().", "%s is a new per-cpu variable", b)
}

// pullUsers includes all users of the constant b: the old and the new contents must not
// both be used.
func (s *selection) pullUsers(b *objmodel.Atom) {
	if len(b.Users) == 0 {
		s.refuse(diag.DataChanged, b, dataAdvice, "the constant %s changed, and its users are unknown", b)
	}
	causes := append([]report.Cause{{Kind: report.ByData, Symbol: b.String()}}, s.causeOf(b)...)
	for _, u := range b.Users {
		_, travels := s.reasons[u]
		switch {
		case u.Init():
			s.refuse(diag.DataChanged, b, dataAdvice,
				"the constant %s changed, and the init code of %s has read it or handed out a pointer to it", b, u)
		case u.Kind == objmodel.Func && holdsFunctions(b) && s.patched.Escapes(u, b):
			s.refuse(diag.DataChanged, b, "Patch the functions that the table points at instead.",
				"the table of functions %s changed, and %s hands out its address: objects made before the patch would keep the "+
					"old table", b, u)
		case u.Kind == objmodel.Func:
			if b.Kind == objmodel.Data && s.patched.Arch.Code.Decode != nil && s.patched.Escapes(u, b) {
				s.remark(diag.ConstantKept, b,
					"pointers to %s that exist before the patch, or come from unpatched code, keep leading to the old "+
						"contents", b)
			}
			s.includeUser(u, causes...)
		case u.Describes():
			s.remark(diag.DebugSiteKept, u, "%s keeps the kernel's entry in dynamic_debug/control", u)
		case u.Kind == objmodel.Data && !u.IsConst():
			s.refuse(diag.DataChanged, u, dataAdvice, "the writable variable %s points at %s, which changed", u, b)
		case u.Kind == objmodel.Data && u.Global():
			s.refuse(diag.DataChanged, u, dataAdvice,
				"the constant %s points at %s, which changed, and other units can use it", u, b)
		case u.Spec.Unowned:
			s.refuseUnowned(u, "changed")
		case !travels:
			s.include(u, &Difference{What: ReferenceDiffers}, causes...)
			s.pullUsers(u)
		}
	}
}

// holdsFunctions reports whether a is a table of operations, which is used through pointers to the
// table, or points at one.
func holdsFunctions(a *objmodel.Atom) bool { return holds(a, 3) }

func holds(a *objmodel.Atom, depth int) bool {
	for _, r := range a.Refs {
		switch {
		case r.Sym != nil, r.Atom != nil && r.Atom.Kind == objmodel.Func:
			return true
		case r.Atom != nil && r.Atom.Kind == objmodel.Data && r.Atom.IsConst() && depth > 0 && holds(r.Atom, depth-1):
			return true
		}
	}
	return false
}

// atBoundary reports whether a reference r of a can mean the end of one object or the start of the
// next, if the two are not neighbours in the kernel. It certainly means the next object if its
// memory is accessed without a register in the address, or if the first object is not an array,
// like the description of a debug site.
func (s *selection) atBoundary(a *objmodel.Atom, r *objmodel.Ref) bool {
	t, before := r.Atom, r.Before
	if before == nil || before.Size <= 8 || before.Describes() {
		return false
	}
	if _, direct := s.patched.Accesses(a, r); direct {
		return false
	}
	if s.twin(t) == nil || s.twin(before) == nil || s.reasons[t] != nil || s.reasons[before] != nil {
		return true
	}
	return s.twin(t).Section != s.twin(before).Section || s.twin(before).Off+s.twin(before).Size != s.twin(t).Off
}

// compilerConstants are the names of constants that compilers generate; nothing can
// depend on their addresses.
var compilerConstants = []string{"CSWTCH", "__func__", "__FUNCTION__", "__PRETTY_FUNCTION__", "C"}

// generated reports whether the compiler made the constant (CSWTCH.5, __func__.7).
func generated(a *objmodel.Atom) bool {
	return a.Kind == objmodel.Data && !a.Global() && len(a.Refs) == 0 && objmodel.StableName(a.Name) != a.Name &&
		slices.Contains(compilerConstants, objmodel.StableName(a.Name))
}
