package elfdiff

import (
	"slices"

	"kintsugi/internal/diag"
	"kintsugi/internal/report"
)

// family keeps together what jumps into each other's middle: a function and
// its .cold part, whichever way one reaches the other. Where one of them
// behaves differently, so does the whole.
func (s *selection) family(a *Atom) {
	for _, u := range append(slices.Clone(a.users), a.targets()...) {
		if u.Kind != Func || u.Init() || !(jumpsInside(u, a) || jumpsInside(a, u) || u.Name == a.Name+".cold" || a.Name == u.Name+".cold") {
			continue
		}
		causes := append([]report.Cause{{Kind: "callee", Symbol: a.Name, Detail: "part of the same function"}}, s.causeOf(a)...)
		if s.trips[a].effect {
			s.drag(u, causes...)
		} else {
			s.travel(u, nil, causes...)
		}
	}
}

// targets are the atoms that a, its entries and the code of its alternatives
// refer to.
func (a *Atom) targets() []*Atom {
	var list []*Atom
	for _, r := range a.allRefs() {
		if r.Atom != nil && r.Atom != a {
			list = append(list, r.Atom)
		}
	}
	return list
}

// allRefs are the references of a, of its entries and of the code that those
// replace it with.
func (a *Atom) allRefs() []Ref {
	refs := slices.Clone(a.Refs)
	for _, e := range a.Entries {
		for _, r := range e.Refs {
			refs = append(refs, r)
			if t := r.Atom; t != nil && t.Owner == a && t.Kind == Anon {
				refs = append(refs, t.Refs...)
			}
		}
	}
	return refs
}

// jumpsInside reports whether from, or an entry of it, leads into the middle of to.
func jumpsInside(from, to *Atom) bool {
	for _, r := range from.allRefs() {
		if r.Atom == to && r.Addend != 0 && to.Kind == Func {
			return true
		}
	}
	return false
}

// callers makes the callers of a changed function without an ftrace site
// travel: only through them can the new code be reached.
func (s *selection) callers(a *Atom) {
	if a.twin == nil || a.twin.Patchable() || !s.trips[a].effect {
		return // a private copy of what the kernel has needs no one else
	}
	if a.Global() {
		s.refuse(diag.NoFtraceSite, a, "Make the change in its callers, if they can be traced.",
			"%s cannot be replaced: it has no ftrace site at its entry and can be called from other units", a.Name)
		return
	}
	callers := 0
	for _, u := range a.users {
		switch {
		case u.Kind == Func && u.Init():
		case u.Kind == Func && calls(u, a):
			callers++
			s.drag(u, append([]report.Cause{{Kind: "callee", Symbol: a.Name, Detail: "cannot be replaced by itself"}}, s.causeOf(a)...)...)
		default:
			callers++
			s.refuse(diag.NoFtraceSite, a, "Make the change in its callers, if they can be traced.",
				"%s cannot be replaced: it has no ftrace site at its entry and %s holds a pointer to it", a.Name, u)
		}
	}
	switch {
	case len(a.users) == 0:
		s.refuse(diag.NoFtraceSite, a, "Make the change in its callers, if they can be traced.",
			"%s cannot be replaced: it has no ftrace site at its entry, and what calls it cannot be told", a.Name)
	case callers == 0:
		s.warn(diag.InitCode, a, "%s changed and only init code calls it, which has run", a.Name)
	}
}

// calls reports whether all references of u to a are direct branches to its entry.
func calls(u, a *Atom) bool {
	for _, r := range u.Refs {
		if r.Atom == a && !r.Branch || r.Atom != nil && r.Atom.pool() && slices.Contains(r.Atom.targets(), a) {
			return false
		}
	}
	return true
}
