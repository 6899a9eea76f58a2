package elfdiff

import (
	"fmt"

	"kintsugi/internal/diag"
	"kintsugi/internal/elfobj"
	"kintsugi/internal/objmodel"
	"kintsugi/internal/report"
)

// Callback is a function that the kernel calls before or after it patches an object.
type Callback struct {
	Kind report.CallbackKind
	Func *objmodel.Atom
}

// State is a system state that the livepatch declares to change (struct klp_state,
// include/linux/livepatch.h).
type State struct {
	ID      uint64
	Version uint32
}

// author holds what the author macros of the patched source request.
type author struct {
	ignored   map[string]bool // functions and sections whose differences do not count
	callbacks []Callback
	states    []State
	found     []report.Diagnostic
}

// readAuthor reads the sections of the author macros. A callback must not have a twin in the
// kernel.
func readAuthor(patched *objmodel.Object, pairs *Pairing) *author {
	w := &author{ignored: map[string]bool{}}
	for _, sec := range patched.File.Sections {
		if sec.Target != nil && objmodel.IsMacro(sec.Target.Name) {
			for _, r := range sec.Relocs {
				w.macro(patched, pairs, sec.Target, r)
			}
		}
		if sec.Name == objmodel.States {
			w.states = append(w.states, statesOf(patched.File, sec)...)
		}
	}
	return w
}

// macro reads a pointer in a section of an author macro.
func (w *author) macro(patched *objmodel.Object, pairs *Pairing, sec *elfobj.Section, r elfobj.Reloc) {
	a, off := patched.PointedAt(r)
	switch kind := objmodel.CallbackKind(sec.Name, patched.SymbolAt(sec, r.Offset)); {
	case kind != "":
		w.callback(kind, a, a != nil && pairs.Twin(a) != nil)
	case sec.Name == objmodel.IgnoredSections && a != nil && a.Kind == objmodel.String:
		w.ignored[a.Text(off)] = true
	case sec.Name == objmodel.IgnoredFunctions && a != nil && a.Kind == objmodel.Func:
		w.ignored[a.Name] = true
	case sec.Name == objmodel.Forced:
		w.find(report.Diagnostic{Code: diag.ForceUnsafe, Symbol: targetName(a, r),
			Message: fmt.Sprintf("KPATCH_FORCE_UNSAFE(%s) has no effect: a livepatch waits until every task has left the "+
				"function", targetName(a, r)),
			Hint: "If a task never leaves it, write 1 to the livepatch's file force in sysfs."})
	default:
		w.find(report.Diagnostic{Code: diag.AuthorMacro, Symbol: targetName(a, r),
			Message: fmt.Sprintf("%s in section %s: the macro cannot be used for this", targetName(a, r), sec.Name)})
	}
}

func (w *author) find(d report.Diagnostic) { w.found = append(w.found, report.Found(d)) }

func targetName(a *objmodel.Atom, r elfobj.Reloc) string {
	switch {
	case a != nil:
		return a.String()
	case r.Sym != nil:
		return r.Sym.Name
	}
	return ""
}

// callback reads a callback. It must be a new function of the unit.
func (w *author) callback(kind string, a *objmodel.Atom, inKernel bool) {
	switch {
	case a == nil || a.Kind != objmodel.Func:
		w.find(report.Diagnostic{Code: diag.AuthorMacro, Message: "the " + kind +
			" callback is not a function of this file",
			Hint: "Define the callback in the file that names it."})
	case inKernel:
		w.find(report.Diagnostic{Code: diag.AuthorMacro, Symbol: a.String(),
			Message: fmt.Sprintf("the %s callback %s is a function of the kernel", kind, a),
			Hint:    "Define a new function that calls the kernel's."})
	case a.Init():
		w.find(report.Diagnostic{Code: diag.AuthorMacro, Symbol: a.String(),
			Message: fmt.Sprintf("the %s callback %s is init code", kind, a), Hint: "Remove __init."})
	default:
		w.callbacks = append(w.callbacks, Callback{Kind: report.CallbackKind(kind), Func: a})
	}
}

// statesOf reads the declarations: each is a number of eight bytes and a version of four.
func statesOf(patched *elfobj.File, sec *elfobj.Section) []State {
	var list []State
	order := patched.ByteOrder
	for _, sym := range patched.Symbols {
		if sym.Section != sec || sym.Name == "" {
			continue
		}
		if sym.Value > uint64(len(sec.Data)) || uint64(len(sec.Data))-sym.Value < 12 {
			continue
		}
		b := sec.Data[sym.Value:]
		list = append(list, State{ID: order.Uint64(b), Version: order.Uint32(b[8:])})
	}
	return list
}

// ignores reports whether the author excludes differences in b or in its section.
func (w *author) ignores(b *objmodel.Atom) bool {
	return b.Kind == objmodel.Func && w.ignored[b.Name] || w.ignored[b.Section.Name]
}

// obey includes the callbacks, and adds the other requests of the author to the result.
func (s *selection) obey() {
	for _, d := range s.author.found {
		s.diagnose(d)
	}
	for _, c := range s.author.callbacks {
		s.include(c.Func, nil, report.Cause{Kind: report.ByCode, Symbol: c.Func.Name, Detail: string(c.Kind) + " callback"})
	}
	s.res.Callbacks, s.res.States = s.author.callbacks, s.author.states
}

// ignores reports whether the author excludes differences in b. If so, it adds a note.
func (s *selection) ignores(b *objmodel.Atom) bool {
	if !s.author.ignores(b) {
		return false
	}
	s.remark(diag.ChangeIgnored, b, "%s differs, but stays unchanged in the running kernel, as the source requests", b)
	return true
}
