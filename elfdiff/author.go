package elfdiff

import (
	"fmt"
	"strings"

	"kintsugi/internal/diag"
	"kintsugi/internal/elfobj"
	"kintsugi/internal/report"
)

// Callback is a function that the source wants called round the patching of
// the object it is part of.
type Callback struct {
	Kind string // pre_patch, post_patch, pre_unpatch or post_unpatch, as in struct klp_callbacks
	Func *Atom
}

// State is a state of the system that the source says the livepatch changes
// (struct klp_state, include/linux/livepatch.h).
type State struct {
	ID      uint64
	Version uint32
}

// The sections that the macros of templates/include write. They are no part of
// a kernel or module. Those that begin with .kpatch are kpatch's own names.
const (
	ignoredFunctions = ".kpatch.ignore.functions"
	ignoredSections  = ".kpatch.ignore.sections"
	forced           = ".kpatch.force"
	states           = ".kintsugi.states"
	callbackPointers = ".discard.klp_callback_ptrs" // of the header of kernels since 6.19: the symbols' names say the kind
)

var callbackKinds = []string{"pre_patch", "post_patch", "pre_unpatch", "post_unpatch"}

// saysCallback is the kind of callback that a pointer in a section, under a
// symbol of a name, is for; empty where it is for none.
func saysCallback(section, symbol string) string {
	for _, kind := range callbackKinds {
		if section == ".kpatch.callbacks."+kind || section == callbackPointers && strings.HasPrefix(symbol, "__klp_"+kind+"_") {
			return kind
		}
	}
	return ""
}

// isAuthors reports whether a section is one by which the author of the patch
// speaks to whoever makes the livepatch.
func isAuthors(section string) bool {
	switch section {
	case ignoredFunctions, ignoredSections, forced, states, callbackPointers:
		return true
	}
	return saysCallback(section, "") != ""
}

// author does what the macros in the patched source ask for.
func (s *selection) author() {
	for _, sec := range s.patched.File.Sections {
		if sec.Target != nil && isAuthors(sec.Target.Name) {
			for _, r := range sec.Relocs {
				s.heed(sec.Target, r)
			}
		}
		if sec.Name == states {
			s.states(sec)
		}
	}
}

// heed deals with one pointer of a section of the author's.
func (s *selection) heed(sec *elfobj.Section, r elfobj.Reloc) {
	a, off := s.patched.pointedAt(r)
	switch kind := saysCallback(sec.Name, s.patched.symbolAt(sec, r.Offset)); {
	case kind != "":
		s.callback(kind, a)
	case sec.Name == ignoredSections && a != nil && a.Kind == String:
		s.ignored[a.Text(off)] = true
	case sec.Name == ignoredFunctions && a != nil && a.Kind == Func:
		s.ignored[a.Name] = true
	case sec.Name == forced:
		s.diagnose(report.Diagnostic{Code: diag.ForceUnsafe, Severity: diag.Warning, Symbol: targetName(a, r),
			Message: fmt.Sprintf("KPATCH_FORCE_UNSAFE(%s) has no effect: livepatch waits until every task has left the function", targetName(a, r)),
			Hint:    "Where a task never leaves it, write 1 to the livepatch's file force in sysfs."})
	default:
		s.diagnose(report.Diagnostic{Code: diag.AuthorMacro, Severity: diag.Error, Symbol: targetName(a, r),
			Message: fmt.Sprintf("%s in section %s is nothing that the macro can be used for", targetName(a, r), sec.Name)})
	}
}

func targetName(a *Atom, r elfobj.Reloc) string {
	switch {
	case a != nil:
		return a.String()
	case r.Sym != nil:
		return r.Sym.Name
	}
	return ""
}

// pointedAt is the atom that a relocation outside of all atoms points into,
// and where in it.
func (o *Object) pointedAt(r elfobj.Reloc) (*Atom, int64) {
	if r.Sym == nil || r.Sym.Section == nil {
		return nil, 0
	}
	pos := int64(r.Sym.Value) + r.Addend
	a := o.find(r.Sym.Section, pos)
	if a == nil {
		return nil, 0
	}
	return a, pos - int64(a.Off)
}

// symbolAt is the name of a symbol at a place, empty where there is none.
func (o *Object) symbolAt(sec *elfobj.Section, off uint64) string {
	for _, s := range o.File.Symbols {
		if s.Section == sec && s.Value == off && s.Name != "" {
			return s.Name
		}
	}
	return ""
}

// callback takes a new function of the unit along.
func (s *selection) callback(kind string, a *Atom) {
	switch {
	case a == nil || a.Kind != Func:
		s.diagnose(report.Diagnostic{Code: diag.AuthorMacro, Severity: diag.Error, Message: "the " + kind + " callback is not a function of this file",
			Hint: "Define the callback in the file that names it."})
	case a.twin != nil:
		s.refuse(diag.AuthorMacro, a, "Define a new function that calls it.", "the %s callback %s is a function of the kernel", kind, a)
	case a.Init():
		s.refuse(diag.AuthorMacro, a, "Take __init away.", "the %s callback %s is init code", kind, a)
	default:
		s.travel(a, nil, report.Cause{Kind: "code", Symbol: a.Name, Detail: kind + " callback"})
		s.res.Callbacks = append(s.res.Callbacks, Callback{Kind: kind, Func: a})
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

// ignores reports whether the author has said that differences in b, or in its
// section, do not count.
func (s *selection) ignores(b *Atom) bool {
	if !(b.Kind == Func && s.ignored[b.Name]) && !s.ignored[b.Section.Name] {
		return false
	}
	s.note(diag.ChangeIgnored, b, "%s differs, and is left as it is in the running kernel because the source says so", b)
	return true
}
