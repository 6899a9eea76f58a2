package elfdiff

import (
	"fmt"
	"strings"
	"sync"

	"kintsugi/internal/diag"
	"kintsugi/internal/elfobj"
	"kintsugi/internal/report"
)

// selection works out what must travel into the module: what changed, and
// then all that this drags along.
type selection struct {
	orig, patched *Object
	cmp           comparison
	ambiguous     map[*Atom]bool
	dropped       map[*Atom]bool  // entries that do not travel with their function
	ignored       map[string]bool // functions and sections whose differences do not count
	trips         map[*Atom]*trip // patched atoms that travel
	queue         []*Atom         // of them, those whose references were not followed yet
	init          []*Atom         // changed code and data that is gone once the kernel has booted
	res           *Result

	// asked for in few pairs, and then often
	defined func() map[string]*elfobj.Symbol       // by the patched object
	exports func() (before, after map[string]bool) // of both objects, by name
}

// trip is why an atom travels.
type trip struct {
	cause  []report.Cause
	change *Difference // nil: it travels because of another
	// effect: the copy behaves differently from the original, so whoever uses
	// the original has to use the copy.
	effect bool
}

func newSelection(orig, patched *Object) *selection {
	s := &selection{orig: orig, patched: patched, cmp: comparison{memo: map[[2]*Atom]bool{}},
		ambiguous: map[*Atom]bool{}, dropped: map[*Atom]bool{}, ignored: map[string]bool{}, trips: map[*Atom]*trip{}, res: &Result{}}
	for _, a := range correlate(orig, patched) {
		s.ambiguous[a] = true
	}
	s.defined = sync.OnceValue(func() map[string]*elfobj.Symbol { return definedOnce(patched) })
	s.exports = sync.OnceValues(func() (before, after map[string]bool) { return exportNames(orig), exportNames(patched) })
	return s
}

// travel marks a for the module. The first cause stays.
func (s *selection) travel(a *Atom, change *Difference, cause ...report.Cause) {
	if _, ok := s.trips[a]; ok {
		return
	}
	s.trips[a] = &trip{cause: cause, change: change, effect: change != nil}
	s.queue = append(s.queue, a)
}

// drag is travel for what behaves differently because of what it uses.
func (s *selection) drag(a *Atom, cause ...report.Cause) {
	s.travel(a, nil, cause...)
	if t := s.trips[a]; !t.effect {
		t.effect = true
		s.queue = append(s.queue, a)
	}
}

func (s *selection) refuse(code diag.Code, a *Atom, hint, format string, args ...any) {
	s.diagnose(report.Diagnostic{Code: code, Severity: diag.Error, Symbol: a.String(), Message: fmt.Sprintf(format, args...), Hint: hint})
}

func (s *selection) warn(code diag.Code, a *Atom, format string, args ...any) {
	s.diagnose(report.Diagnostic{Code: code, Severity: diag.Warning, Symbol: a.String(), Message: fmt.Sprintf(format, args...)})
}

func (s *selection) note(code diag.Code, a *Atom, format string, args ...any) {
	s.diagnose(report.Diagnostic{Code: code, Severity: diag.Note, Symbol: a.String(), Message: fmt.Sprintf(format, args...)})
}

// diagnose adds a finding once.
func (s *selection) diagnose(d report.Diagnostic) {
	for _, old := range s.res.Diagnostics {
		if old == d {
			return
		}
	}
	s.res.Diagnostics = append(s.res.Diagnostics, d)
}

// functions selects the functions that changed, and new global ones, which
// another unit may call.
func (s *selection) functions() {
	for _, b := range s.patched.Atoms {
		if b.Kind != Func {
			continue
		}
		if b.twin == nil {
			if b.Global() && !b.Init() {
				s.travel(b, nil, report.Cause{Kind: "code", Symbol: b.Name, Detail: "new function"})
			}
			continue
		}
		d := s.cmp.difference(b.twin, b)
		switch {
		case d == nil, s.ignores(b):
		case b.Init():
			s.init = append(s.init, b)
		default:
			s.travel(b, d, report.Cause{Kind: causeKind(d), Symbol: b.Name, Detail: d.describe()})
		}
	}
}

func (s *selection) causeOf(a *Atom) []report.Cause {
	if t := s.trips[a]; t != nil {
		return t.cause
	}
	return nil
}

// close follows the references of all that travels until nothing new comes.
func (s *selection) close() {
	for len(s.queue) > 0 {
		a := s.queue[0]
		s.queue = s.queue[1:]
		if a.lost {
			s.refuse(diag.UnknownInstruction, a, "Please report the object.", "%s has an instruction that cannot be decoded, so what it refers to is not certain", a)
		}
		s.checkShared(a)
		if a.got {
			s.refuse(diag.GOTReference, a, "Compile both objects as a kernel is, without -fPIC.", "%s refers to something through the global offset table, which modules do not have", a)
		}
		if a.short {
			s.refuse(diag.ShortBranch, a, "Compile both objects with -ffunction-sections.", "%s has a short branch into another function, which does not reach across sections", a)
		}
		if a.Kind == Func {
			s.family(a)
			s.callers(a)
			s.checkEntries(a)
			s.checkConstants(a)
		}
		s.follow(a, a)
		for _, e := range a.Entries {
			if !s.dropped[e] {
				s.follow(e, a)
			}
		}
	}
}

// checkEntries deals with the entries whose static key would live in the
// module: the kernel handles them before it applies the module's livepatch
// relocations. A pr_debug site can do without, it stays as it was compiled.
func (s *selection) checkEntries(a *Atom) {
	for _, e := range a.Entries {
		if e.Section.Name != "__jump_table" && e.Section.Name != ".static_call_sites" {
			continue
		}
		key := e.lastTarget()
		switch {
		case key == nil || key.twin != nil:
		case s.patched.describes(key):
			s.dropped[e] = true
			s.warn(diag.DebugSiteDropped, key, "the new pr_debug() in %s cannot be switched on: its static key would live in the module", a)
		default:
			s.refuse(diag.ModuleStaticKey, key, "Use static_key_enabled() or static_call_query() in the patch: it needs no site of its own.",
				"%s uses the new static key %s, which would live in the module", a.Name, key)
		}
	}
}

// lastTarget is what the last reference of an entry points at. The subtracted
// half of a difference points into the entry itself.
func (e *Atom) lastTarget() *Atom {
	for i := len(e.Refs) - 1; i >= 0; i-- {
		if e.Refs[i].Atom != e {
			return e.Refs[i].Atom
		}
	}
	return nil
}

// follow decides for every reference of a whether its target travels too.
func (s *selection) follow(a, owner *Atom) {
	for i := range a.Refs {
		t := a.Refs[i].Atom
		if t == nil || t == owner && a.Refs[i].edge == nil {
			continue
		}
		switch {
		case s.onEdge(a, &a.Refs[i]):
			s.refuse(diag.AmbiguousSymbol, t, "Put the new variable before the array in the source, or leave its section attribute away.",
				"%s refers to the place where %s ends and %s begins, and which is meant cannot be told", owner, a.Refs[i].edge, t)
		case t == owner:
		case s.ambiguous[t] && !s.patched.describes(t):
			s.refuse(diag.AmbiguousSymbol, t, "Give the variable another name in the patch, or keep the order of its users.",
				"%s refers to %s, and several static variables of that name cannot be told apart", owner, t)
		case t.external():
		case t.Init():
			s.refuse(diag.InitCode, t, "", "%s refers to %s, which is gone once the kernel has booted", owner, t)
		case t.Kind == Data && sectionClass(t) == "percpu":
			s.refusePerCPU(t)
		case t.Kind == Anon && t.Writable() && !t.altinstr():
			s.refuse(diag.UnknownSection, t, "", "%s refers to writable data in %s that has no symbol", owner, t.Section.Name)
		default:
			s.travel(t, nil, s.causeOf(owner)...)
			if t.Kind == Func && !a.Refs[i].Branch && a.Kind != Entry && !a.altinstr() {
				s.warn(diag.PointerKept, t, "the kernel can keep a pointer to the new function %s: unload the module only when nothing uses it any more", t)
			}
		}
	}
}

func (a *Atom) altinstr() bool { return strings.HasPrefix(a.Section.Name, ".altinstr") }

// external reports whether references to a are to stay references to what the
// kernel has: a named atom that exists there.
func (a *Atom) external() bool {
	return a.Name != "" && a.twin != nil && !(a.isConst() && a.generated())
}
