package elfdiff

import (
	"fmt"
	"slices"
	"strings"

	"kintsugi/internal/diag"
	"kintsugi/internal/objmodel"
	"kintsugi/internal/report"
)

// state reports variables that the patch removes. A renamed variable stays the kernel's. If
// included code uses a new variable instead, the state of the old variable is lost.
func (s *selection) state() {
	for _, b := range s.patched.Atoms {
		if s.renamed[b] && slices.ContainsFunc(b.Users, func(u *objmodel.Atom) bool { return s.reasons[u] != nil }) {
			s.remark(diag.VariableRenamed, b,
				"%s is the kernel's variable %s: size, section, initial value and users are the same",
				objmodel.StableName(b.Name), objmodel.StableName(s.twin(b).Name))
		}
	}
	fresh := s.freshState()
	if len(fresh) == 0 {
		return
	}
	for _, a := range s.orig.Atoms {
		if s.twin(a) == nil && isState(a) {
			s.leaves(a, fresh)
		}
	}
}

// freshState returns the new variables of the module, with the included functions that use them.
func (s *selection) freshState() map[*objmodel.Atom][]*objmodel.Atom {
	fresh := map[*objmodel.Atom][]*objmodel.Atom{}
	for _, b := range s.patched.Atoms {
		if s.reasons[b] == nil || s.twin(b) != nil || !isState(b) {
			continue
		}
		for _, u := range b.Users {
			if u.Kind == objmodel.Func && s.reasons[u] != nil {
				fresh[u] = append(fresh[u], b)
			}
		}
	}
	return fresh
}

// leaves asks for consent if functions that used a now use new variables instead.
func (s *selection) leaves(a *objmodel.Atom, fresh map[*objmodel.Atom][]*objmodel.Atom) {
	for _, u := range a.Users {
		if u.Kind != objmodel.Func || u.Init() {
			continue
		}
		w := s.successor(u, fresh)
		if w == nil {
			continue
		}
		var names []string
		for _, b := range fresh[w] {
			names = append(names, objmodel.StableName(b.Name))
		}
		old := objmodel.StableName(a.Name) // a consent must hold for every kernel, whatever number the compiler gives
		s.diagnose(report.Found(report.Diagnostic{Code: diag.StateDropped, Symbol: old,
			Message: fmt.Sprintf("%s no longer uses the kernel's variable %s, whose state is lost: "+
				"%s is new and begins with its initial value",
				strings.TrimSuffix(w.String(), ".cold"), old, strings.Join(names, ", ")),
			Hint: "Keep the variable's name, type and initial value in the patch."}))
		return
	}
}

// successor returns the included function with new variables that replaces u, or nil.
func (s *selection) successor(u *objmodel.Atom, fresh map[*objmodel.Atom][]*objmodel.Atom) *objmodel.Atom {
	if t := s.twin(u); t != nil && len(fresh[t]) > 0 {
		return t
	}
	for _, w := range s.patched.Atoms {
		if len(fresh[w]) > 0 && (s.twin(u) == nil || s.twin(w) == nil) && s.pairs.related(u, w) {
			return w
		}
	}
	return nil
}
