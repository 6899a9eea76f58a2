package elfdiff

import (
	"fmt"
	"maps"
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
	s.unusedGlobals()
	fresh := s.freshState()
	if len(fresh) == 0 {
		return
	}
	for _, a := range s.orig.Atoms {
		switch {
		case !isState(a):
		case s.twin(a) == nil:
			s.leaves(a, fresh)
		default:
			s.exchanges(a, fresh)
		}
	}
}

// exchanges asks for consent if a function no longer uses a, which the patch keeps, and uses a new
// variable of the same kind instead: a lock is split, for example.
func (s *selection) exchanges(a *objmodel.Atom, fresh map[*objmodel.Atom][]*objmodel.Atom) {
	for _, u := range a.Users {
		w := s.twin(u)
		still := func(v *objmodel.Atom) bool { return w != nil && rootName(v) == rootName(w) } // w, or a part of it
		if w == nil || u.Kind != objmodel.Func || slices.ContainsFunc(s.twin(a).Users, still) {
			continue
		}
		for _, b := range fresh[w] {
			if s.pairs.sameState(a, b) {
				s.stateDropped(a, w, objmodel.StableName(b.Name))
				return
			}
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
		s.stateDropped(a, w, names...)
		return
	}
}

// stateDropped asks for consent: w uses the new variables names, and no longer a.
func (s *selection) stateDropped(a, w *objmodel.Atom, names ...string) {
	old := objmodel.StableName(a.Name) // a consent must hold for every kernel, whatever number the compiler gives
	s.diagnose(report.Found(report.Diagnostic{Code: diag.StateDropped, Symbol: old,
		Message: fmt.Sprintf("%s no longer uses the kernel's variable %s, whose state is lost: "+
			"%s is new and begins with its initial value",
			strings.TrimSuffix(w.String(), ".cold"), old, strings.Join(names, ", ")),
		Hint: "Keep the variable's name, type and initial value in the patch."}))
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

// unusedGlobals asks for consent if the unit has new global variables in place of others that only
// code of other units uses: this unit does not show which of them belong together.
func (s *selection) unusedGlobals() {
	var news []string
	for _, b := range s.pairs.openGlobals(s.patched) {
		if len(b.Users) == 0 && s.reasons[b] != nil {
			news = append(news, b.Name)
		}
	}
	if len(news) == 0 {
		return
	}
	for _, a := range s.pairs.openGlobals(s.orig) {
		if len(a.Users) == 0 {
			s.diagnose(report.Found(report.Diagnostic{Code: diag.StateDropped, Symbol: a.Name,
				Message: fmt.Sprintf("the patch removes the kernel's variable %s, whose state is lost for patched code of "+
					"other files: %s are new and begin with their initial values", a.Name, strings.Join(news, ", ")),
				Hint: "Keep the variable's name, type and initial value in the patch."}))
		}
	}
}

// Renamed maps the new names of global variables that the patch renames to their names in the
// kernel.
func (r *Result) Renamed() map[string]string {
	renamed := map[string]string{}
	for b := range r.renamed {
		if b.Global() {
			renamed[b.Name] = r.Pairs.Twin(b).Name
		}
	}
	return renamed
}

// Disagrees returns a finding for each global variable that r's unit renames and that other's
// unit uses in different functions than before: then it can be another variable.
func (r *Result) Disagrees(other *Result) []report.Diagnostic {
	var found []report.Diagnostic
	renamed := r.Renamed()
	for _, name := range slices.Sorted(maps.Keys(renamed)) {
		before, after := usersOf(other.Orig, renamed[name]), usersOf(other.Patched, name)
		if !slices.Equal(before, after) {
			found = append(found, report.Found(report.Diagnostic{Code: diag.AmbiguousSymbol, Symbol: name,
				Message: fmt.Sprintf("%s seems to be the kernel's variable %s, but its users differ from before: %s, not %s",
					name, renamed[name], orNone(after), orNone(before)),
				Hint: "Keep the variable's name, or give a variable with another purpose another initial value."}))
		}
	}
	return found
}

// usersOf returns the functions and objects of o that refer to a symbol of another unit.
func usersOf(o *objmodel.Object, name string) []string {
	var users []string
	for _, a := range o.Atoms {
		uses := slices.ContainsFunc(a.AllRefs(), func(r objmodel.Ref) bool {
			return r.Atom == nil && r.Sym != nil && r.Sym.Name == name
		})
		if uses && (a.Kind == objmodel.Func || a.Kind == objmodel.Data) {
			users = append(users, rootName(a))
		}
	}
	slices.Sort(users)
	return slices.Compact(users)
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
