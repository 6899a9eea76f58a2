package elfdiff

import (
	"strings"

	"kintsugi/internal/diag"
	"kintsugi/internal/objmodel"
)

// initCode handles changes of init code and its data. The code has already run, so its change can
// no longer have an effect. Other changes are accepted without it only if the two have nothing in
// common: no variable that both refer to, and nothing new.
func (s *selection) initCode() {
	if len(s.init) == 0 {
		return
	}
	rest := s.newShared()
	for a := range s.reasons {
		rest.addAll(a)
		if s.twin(a) == nil {
			rest.has[a] = true
		}
	}
	for _, a := range s.init {
		own := s.newShared()
		own.addAll(a)
		switch {
		case len(s.reasons) == 0:
			s.refuse(diag.InitCode, a, initAdvice, "%s is %s and changed", a, initKind(a))
		case own.meets(rest):
			s.refuse(diag.InitCode, a, initAdvice, "%s is %s and changed, and other changes refer to the same variables",
				a, initKind(a))
		default:
			s.remarkIn(diag.HasRun, diag.InitCode, a,
				"%s is %s and changed: it has already run, so the module has only the rest of the change", a, initKind(a))
		}
	}
}

const initAdvice = "Init code has already run when the livepatch is loaded: do the work in a livepatch callback."

func initKind(a *objmodel.Atom) string {
	kind := "init code"
	if strings.HasPrefix(a.Section.Name, ".exit.") {
		kind = "exit code"
	}
	if a.Kind != objmodel.Func {
		kind = "data of " + kind
	}
	return kind
}

// shared contains what can make one piece of code depend on another: atoms, and names of symbols of
// other units.
type shared struct {
	pairs *Pairing
	has   map[any]bool
}

func (s *selection) newShared() shared { return shared{pairs: s.pairs, has: map[any]bool{}} }

// addAll adds the references of a in both objects.
func (s shared) addAll(a *objmodel.Atom) {
	s.addTargets(a)
	if twin := s.pairs.Twin(a); twin != nil {
		s.addTargets(twin)
	}
}

// addTargets omits targets that both can use and still be independent: strings, constants and
// functions of the running kernel.
func (s shared) addTargets(a *objmodel.Atom) {
	for _, r := range a.AllRefs() {
		t := r.Atom
		if t == nil {
			if r.Sym != nil && !r.Branch {
				s.has[r.Sym.Name] = true
			}
			continue
		}
		twin := s.pairs.Twin(t)
		if t.Kind == objmodel.String || twin != nil && (t.Kind == objmodel.Func || t.IsConst()) {
			continue
		}
		s.has[t] = true
		if twin != nil {
			s.has[twin] = true
		}
	}
}

func (s shared) meets(other shared) bool {
	for k := range s.has {
		if other.has[k] {
			return true
		}
	}
	return false
}
