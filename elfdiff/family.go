package elfdiff

import (
	"slices"

	"kintsugi/internal/diag"
	"kintsugi/internal/objmodel"
	"kintsugi/internal/report"
)

// family keeps together atoms that jump into each other's middle: a function and its .cold part, in
// either direction. If one of them behaves differently, all do.
func (s *selection) family(a *objmodel.Atom) {
	for _, u := range append(slices.Clone(a.Users), a.Targets()...) {
		if u.Kind != objmodel.Func || u.Init() || !(jumpsInside(u, a) || jumpsInside(a, u) || u.Name == a.Name+".cold" ||
			a.Name == u.Name+".cold") {
			continue
		}
		causes := append([]report.Cause{{Kind: report.ByCallee, Symbol: a.Name, Detail: "part of the same function"}},
			s.causeOf(a)...)
		if s.reasons[a].effect {
			s.includeUser(u, causes...)
		} else {
			s.include(u, nil, causes...)
		}
	}
}

// jumpsInside reports whether from, or an entry of it, refers to the middle of to.
func jumpsInside(from, to *objmodel.Atom) bool {
	for _, r := range from.AllRefs() {
		if r.Atom == to && r.Addend != 0 && to.Kind == objmodel.Func {
			return true
		}
	}
	return false
}

// callers includes the callers of a changed function without an ftrace site. Only its callers can
// reach the new code.
func (s *selection) callers(a *objmodel.Atom) {
	if s.twin(a) == nil || s.twin(a).Patchable() || !s.reasons[a].effect {
		return // a private copy of a function of the kernel needs no caller
	}
	if a.Global() {
		s.refuse(diag.NoFtraceSite, a, "Make the change in its callers, if they can be traced.",
			"%s cannot be replaced: it has no ftrace site at its entry and can be called from other units", a.Name)
		return
	}
	callers := 0
	for _, u := range a.Users {
		switch {
		case u.Kind == objmodel.Func && u.Init():
		case u.Kind == objmodel.Func && calls(u, a):
			callers++
			s.includeUser(u, append([]report.Cause{{Kind: report.ByCallee, Symbol: a.Name,
				Detail: "cannot be replaced on its own"}}, s.causeOf(a)...)...)
		default:
			callers++
			s.refuse(diag.NoFtraceSite, a, "Make the change in its callers, if they can be traced.",
				"%s cannot be replaced: it has no ftrace site at its entry and %s holds a pointer to it", a.Name, u)
		}
	}
	switch {
	case len(a.Users) == 0:
		s.refuse(diag.NoFtraceSite, a, "Make the change in its callers, if they can be traced.",
			"%s cannot be replaced: it has no ftrace site at its entry, and its callers are unknown", a.Name)
	case callers == 0:
		s.remarkIn(diag.HasRun, diag.InitCode, a, "%s changed, but only init code calls it, which has already run", a.Name)
	}
}

// calls reports whether all references of u to a are direct branches to its entry.
func calls(u, a *objmodel.Atom) bool {
	for _, r := range u.Refs {
		if r.Atom == a && !r.Branch || r.Atom != nil && r.Atom.Spec.Pool && slices.Contains(r.Atom.Targets(), a) {
			return false
		}
	}
	return true
}
