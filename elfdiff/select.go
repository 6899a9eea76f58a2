package elfdiff

import (
	"fmt"
	"maps"
	"strings"
	"sync"

	"kintsugi/internal/diag"
	"kintsugi/internal/elfobj"
	"kintsugi/internal/objmodel"
	"kintsugi/internal/report"
)

// selection selects the atoms for the module: first the changed atoms, then everything that they
// need.
type selection struct {
	orig, patched *objmodel.Object
	pairs         *Pairing
	cmp           comparison
	ambiguous     map[*objmodel.Atom]bool
	doubtful      map[*objmodel.Atom]doubt // limiters whose message may already have been printed
	renamed       map[*objmodel.Atom]bool  // patched variables whose twin has another name
	dropped       map[*objmodel.Atom]bool  // entries that are not included with their function
	author        *author
	reasons       map[*objmodel.Atom]*reason // included patched atoms
	queue         []*objmodel.Atom           // included atoms whose references are not followed yet
	init          []*objmodel.Atom           // changed code and data that the kernel frees after boot
	res           *Result

	// computed lazily
	defined func() map[string]*elfobj.Symbol       // symbols that the patched object defines
	exports func() (before, after map[string]bool) // exports of both objects, by name
}

// reason is why an atom is included.
type reason struct {
	cause  []report.Cause
	change *Difference // nil: included because of another atom
	// effect: the copy behaves differently from the original, so users of the original
	// must use the copy.
	effect bool
}

func newSelection(orig, patched *objmodel.Object) *selection {
	pairs, ambiguous, doubtful := correlate(orig, patched)
	s := &selection{orig: orig, patched: patched, pairs: pairs, cmp: newComparison(pairs),
		ambiguous: map[*objmodel.Atom]bool{}, doubtful: doubtful, dropped: map[*objmodel.Atom]bool{},
		author: readAuthor(patched, pairs), reasons: map[*objmodel.Atom]*reason{}, res: &Result{}}
	for _, a := range ambiguous {
		s.ambiguous[a] = true
	}
	s.renamed = pairs.matchRenamed()
	maps.DeleteFunc(s.ambiguous, func(a *objmodel.Atom, _ bool) bool { return s.renamed[a] })
	s.defined = sync.OnceValue(func() map[string]*elfobj.Symbol { return definedOnce(patched) })
	s.exports = sync.OnceValues(func() (before, after map[string]bool) { return exportNames(orig), exportNames(patched) })
	return s
}

// twin returns the corresponding atom in the other object, or nil.
func (s *selection) twin(a *objmodel.Atom) *objmodel.Atom { return s.pairs.Twin(a) }

// include includes a in the module. The first cause stays.
func (s *selection) include(a *objmodel.Atom, change *Difference, cause ...report.Cause) {
	if _, ok := s.reasons[a]; ok {
		return
	}
	s.reasons[a] = &reason{cause: cause, change: change, effect: change != nil}
	s.queue = append(s.queue, a)
}

// includeUser includes a, which behaves differently because of an atom that it uses.
func (s *selection) includeUser(a *objmodel.Atom, cause ...report.Cause) {
	s.include(a, nil, cause...)
	if t := s.reasons[a]; !t.effect {
		t.effect = true
		s.queue = append(s.queue, a)
	}
}

func (s *selection) refuse(code diag.Code, a *objmodel.Atom, hint, format string, args ...any) {
	s.diagnose(report.Found(report.Diagnostic{Code: code, Symbol: a.String(),
		Message: fmt.Sprintf(format, args...), Hint: hint}))
}

// remark adds a finding without a hint.
func (s *selection) remark(code diag.Code, a *objmodel.Atom, format string, args ...any) {
	s.remarkIn(diag.Usual, code, a, format, args...)
}

// remarkIn is remark in one case of the code's.
func (s *selection) remarkIn(in diag.Case, code diag.Code, a *objmodel.Atom, format string, args ...any) {
	d := report.Found(report.Diagnostic{Code: code, Symbol: a.String(), Message: fmt.Sprintf(format, args...)})
	s.diagnose(d.In(in))
}

// diagnose adds a finding, but only once.
func (s *selection) diagnose(d report.Diagnostic) {
	for _, old := range s.res.Diagnostics {
		if old == d {
			return
		}
	}
	s.res.Diagnostics = append(s.res.Diagnostics, d)
}

// functions includes changed functions, and new global functions, which another unit
// may call.
func (s *selection) functions() {
	for _, b := range s.patched.Atoms {
		if b.Kind != objmodel.Func {
			continue
		}
		if s.twin(b) == nil {
			if b.Global() && !b.Init() {
				s.include(b, nil, report.Cause{Kind: report.ByCode, Symbol: b.Name, Detail: "new function"})
			}
			continue
		}
		d := s.cmp.difference(s.twin(b), b)
		switch {
		case d == nil, s.ignores(b):
		case b.Init():
			s.init = append(s.init, b)
		default:
			s.include(b, d, report.Cause{Kind: causeKind(d), Symbol: b.Name, Detail: d.describe()})
		}
	}
}

func (s *selection) causeOf(a *objmodel.Atom) []report.Cause {
	if t := s.reasons[a]; t != nil {
		return t.cause
	}
	return nil
}

// close follows the references of all included atoms until nothing new is included.
func (s *selection) close() {
	for len(s.queue) > 0 {
		a := s.queue[0]
		s.queue = s.queue[1:]
		if a.Undecodable {
			s.refuse(diag.UnknownInstruction, a, "Please report this as a bug, with the object.",
				"%s has an instruction that cannot be decoded, so its references are uncertain", a)
		}
		s.checkShared(a)
		if a.NeedsGOT {
			s.refuse(diag.GOTReference, a, "Compile both objects like a kernel, without -fPIC.",
				"%s uses the global offset table, which modules do not have", a)
		}
		if a.ShortBranch {
			s.refuse(diag.ShortBranch, a, "Compile both objects with -ffunction-sections.",
				"%s has a short branch into another function, which does not reach across sections", a)
		}
		s.register(a)
		if a.Kind == objmodel.Func {
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

// register includes the pointers by which the module loader registers a, which is new.
func (s *selection) register(a *objmodel.Atom) {
	for _, u := range a.Users {
		if u.Spec.Registers && s.twin(u) == nil {
			s.include(u, nil, s.causeOf(a)...)
		}
	}
}

// checkEntries handles entries whose static key would be in the module: the kernel reads
// them before it applies the module's livepatch relocations. A pr_debug site works
// without its entry: it stays as compiled.
func (s *selection) checkEntries(a *objmodel.Atom) {
	for _, e := range a.Entries {
		if e.Section.Name != "__jump_table" && e.Section.Name != ".static_call_sites" {
			continue
		}
		key := e.LastTarget()
		switch {
		case key == nil || s.twin(key) != nil || s.ambiguous[key]:
		case key.Describes():
			s.dropped[e] = true
			s.remark(diag.DebugSiteDropped, key,
				"the new pr_debug() in %s cannot be enabled: its static key would be in the module", a)
		default:
			s.refuse(diag.ModuleStaticKey, key,
				"Use static_key_enabled() or static_call_query() in the patch: it needs no site of its own.",
				"%s uses the new static key %s, which would be in the module", a.Name, key)
		}
	}
}

// follow decides for every reference of a whether its target is included too.
func (s *selection) follow(a, owner *objmodel.Atom) {
	for i := range a.Refs {
		switch ref := &a.Refs[i]; {
		case ref.Atom == nil && ref.Sym != nil && ref.Sym.Section != nil:
			s.refuse(diag.UnknownSection, owner, "Define it in a section that is loaded.",
				"%s refers to %s in section %s, which is not loaded into memory",
				owner, ref.Sym.Name, ref.Sym.Section.Name)
		case ref.Atom == nil || ref.Atom == owner && ref.Before == nil:
		case s.atBoundary(a, ref):
			s.refuse(diag.AmbiguousSymbol, ref.Atom,
				"Put the new variable before the array in the source, or remove its section attribute.",
				"%s refers to the place where %s ends and %s begins, and it is unknown which one is meant",
				owner, ref.Before, ref.Atom)
		case ref.Atom != owner:
			s.followTo(ref, a, owner)
		}
	}
}

// followTo decides whether the target of a reference of a is included. a is owner or a
// special-section entry of owner.
func (s *selection) followTo(ref *objmodel.Ref, a, owner *objmodel.Atom) {
	t := ref.Atom
	switch {
	case s.ambiguous[t] && !t.Describes() && !t.Spec.Registered:
		s.refuseAmbiguous(t, owner)
	case s.external(t):
	case t.Init():
		s.refuse(diag.InitCode, t, "", "%s refers to %s, which the kernel frees after boot", owner, t)
	case t.Kind == objmodel.Data && sectionClass(t) == "percpu":
		s.refusePerCPU(t)
	case t.Kind == objmodel.Anon && t.Writable() && !t.OfAlternative():
		s.refuse(diag.UnknownSection, t, "", "%s refers to writable data in %s that has no symbol", owner, t.Section.Name)
	default:
		s.include(t, nil, s.causeOf(owner)...)
		if t.Kind == objmodel.Func && !ref.Branch && a.Kind != objmodel.Entry && !a.OfAlternative() {
			s.diagnose(functionKept(t))
		}
	}
}

// refuseAmbiguous refuses a reference of owner to t, because it is unknown which variable of the
// kernel t is.
func (s *selection) refuseAmbiguous(t, owner *objmodel.Atom) {
	const hint = "Keep the variable in its function, and keep the order of its users."
	var same []*objmodel.Atom
	for _, a := range s.orig.Atoms {
		if a.Kind == t.Kind && a.Name != "" && localName(a) == localName(t) && sectionClass(a) == sectionClass(t) {
			same = append(same, a)
		}
	}
	if len(same) == 1 {
		s.refuse(diag.AmbiguousSymbol, t, hint,
			"%s refers to %s, but nothing proves that it is the %s that %s uses in the kernel",
			owner, t, localName(t), userNames(same[0]))
		return
	}
	s.refuse(diag.AmbiguousSymbol, t, hint,
		"%s refers to %s, but several static variables with this name cannot be distinguished", owner, t)
}

// userNames lists the users of a for messages.
func userNames(a *objmodel.Atom) string {
	var names []string
	for _, u := range a.Users {
		names = append(names, u.String())
	}
	return strings.Join(names, ", ")
}

// external reports whether references to a remain references to the kernel's atom.
func (s *selection) external(a *objmodel.Atom) bool {
	return a.Name != "" && s.twin(a) != nil && !(a.IsConst() && generated(a))
}
