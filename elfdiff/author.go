package elfdiff

import (
	"fmt"

	"kintsugi/internal/diag"
	"kintsugi/internal/elfobj"
	"kintsugi/internal/objmodel"
	"kintsugi/internal/report"
)

// Callback is a function that the kernel calls before or after the patching of its
// object.
type Callback struct {
	Kind report.CallbackKind
	Func *objmodel.Atom
}

// State is a state of the system that the livepatch changes, by a declaration in the
// source (struct klp_state, include/linux/livepatch.h).
type State struct {
	ID      uint64
	Version uint32
}

// author applies the macros of the patched source.
func (s *selection) author() {
	for _, sec := range s.patched.File.Sections {
		if sec.Target != nil && objmodel.IsMacro(sec.Target.Name) {
			for _, r := range sec.Relocs {
				s.macro(sec.Target, r)
			}
		}
		if sec.Name == objmodel.States {
			s.states(sec)
		}
	}
}

// macro applies a pointer of a section of the author's macros.
func (s *selection) macro(sec *elfobj.Section, r elfobj.Reloc) {
	a, off := s.patched.PointedAt(r)
	switch kind := objmodel.CallbackKind(sec.Name, s.patched.SymbolAt(sec, r.Offset)); {
	case kind != "":
		s.callback(kind, a)
	case sec.Name == objmodel.IgnoredSections && a != nil && a.Kind == objmodel.String:
		s.ignored[a.Text(off)] = true
	case sec.Name == objmodel.IgnoredFunctions && a != nil && a.Kind == objmodel.Func:
		s.ignored[a.Name] = true
	case sec.Name == objmodel.Forced:
		s.diagnose(report.Found(report.Diagnostic{Code: diag.ForceUnsafe, Symbol: targetName(a, r),
			Message: fmt.Sprintf("KPATCH_FORCE_UNSAFE(%s) has no effect: livepatch waits until every task has left the "+
				"function", targetName(a, r)),
			Hint: "Where a task never leaves it, write 1 to the livepatch's file force in sysfs."}))
	default:
		s.diagnose(report.Found(report.Diagnostic{Code: diag.AuthorMacro, Symbol: targetName(a, r),
			Message: fmt.Sprintf("%s in section %s is nothing that the macro can be used for", targetName(a, r), sec.Name)}))
	}
}

func targetName(a *objmodel.Atom, r elfobj.Reloc) string {
	switch {
	case a != nil:
		return a.String()
	case r.Sym != nil:
		return r.Sym.Name
	}
	return ""
}

// callback includes a new function of the unit as a callback.
func (s *selection) callback(kind string, a *objmodel.Atom) {
	switch {
	case a == nil || a.Kind != objmodel.Func:
		s.diagnose(report.Found(report.Diagnostic{Code: diag.AuthorMacro, Message: "the " + kind +
			" callback is not a function of this file",
			Hint: "Define the callback in the file that names it."}))
	case s.twin(a) != nil:
		s.refuse(diag.AuthorMacro, a, "Define a new function that calls it.",
			"the %s callback %s is a function of the kernel", kind, a)
	case a.Init():
		s.refuse(diag.AuthorMacro, a, "Take __init away.", "the %s callback %s is init code", kind, a)
	default:
		s.include(a, nil, report.Cause{Kind: report.ByCode, Symbol: a.Name, Detail: kind + " callback"})
		s.res.Callbacks = append(s.res.Callbacks, Callback{Kind: report.CallbackKind(kind), Func: a})
	}
}

// states reads the declarations: a number of eight bytes, a version of four.
func (s *selection) states(sec *elfobj.Section) {
	order := s.patched.File.ByteOrder
	for _, sym := range s.patched.File.Symbols {
		if sym.Section != sec || sym.Name == "" {
			continue
		}
		if sym.Value > uint64(len(sec.Data)) || uint64(len(sec.Data))-sym.Value < 12 {
			continue
		}
		b := sec.Data[sym.Value:]
		s.res.States = append(s.res.States, State{ID: order.Uint64(b), Version: order.Uint32(b[8:])})
	}
}

// ignores reports whether the author excludes differences in b or in its section.
func (s *selection) ignores(b *objmodel.Atom) bool {
	if !(b.Kind == objmodel.Func && s.ignored[b.Name]) && !s.ignored[b.Section.Name] {
		return false
	}
	s.remark(diag.ChangeIgnored, b, "%s differs, and is left as it is in the running kernel because the source says so", b)
	return true
}
