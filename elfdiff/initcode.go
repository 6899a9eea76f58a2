package elfdiff

import (
	"strings"

	"kintsugi/internal/diag"
)

// initCode decides what changes of init code and of its data stand against.
// That code has run, so its own change can have no effect any more; what else
// changed can go without it only where the two have nothing in common: no
// variable that both refer to, and nothing new.
func (s *selection) initCode() {
	if len(s.init) == 0 {
		return
	}
	rest := shared{}
	for a := range s.trips {
		rest.addAll(a)
		if a.twin == nil {
			rest[a] = true
		}
	}
	for _, a := range s.init {
		own := shared{}
		own.addAll(a)
		switch {
		case len(s.trips) == 0:
			s.refuse(diag.InitCode, a, initAdvice, "%s is %s and changed", a, initKind(a))
		case own.meets(rest):
			s.refuse(diag.InitCode, a, initAdvice, "%s is %s and changed, and what else changed refers to the same variables", a, initKind(a))
		default:
			s.warn(diag.InitCode, a, "%s is %s and changed: it has run, so the module has the rest of the change alone", a, initKind(a))
		}
	}
}

const initAdvice = "Init code has run when a module is loaded: do the work in a livepatch callback instead."

func initKind(a *Atom) string {
	kind := "init code"
	if strings.HasPrefix(a.Section.Name, ".exit.") {
		kind = "exit code"
	}
	if a.Kind != Func {
		kind = "data of " + kind
	}
	return kind
}

// shared is what two pieces of code can have in common so that one depends on
// what the other does: atoms, and names of what other units define.
type shared map[any]bool

// addAll adds what a refers to in either object.
func (s shared) addAll(a *Atom) {
	s.addTargets(a)
	if a.twin != nil {
		s.addTargets(a.twin)
	}
}

// addTargets leaves out what both can use and stay strangers: strings,
// constants and functions of the running kernel.
func (s shared) addTargets(a *Atom) {
	for _, r := range a.allRefs() {
		t := r.Atom
		switch {
		case t == nil && r.Sym != nil && !r.Branch:
			s[r.Sym.Name] = true
		case t == nil, t.Kind == String, t.twin != nil && (t.Kind == Func || t.isConst()):
		default:
			s[t] = true
			if t.twin != nil {
				s[t.twin] = true
			}
		}
	}
}

func (s shared) meets(other shared) bool {
	for k := range s {
		if other[k] {
			return true
		}
	}
	return false
}
