package elfdiff

import (
	"fmt"
	"slices"
	"strings"

	"kintsugi/internal/report"
)

// selection works out what must travel into the module: what changed, and
// then all that this drags along.
type selection struct {
	orig, patched *Object
	cmp           comparison
	ambiguous     map[*Atom]bool
	dropped       map[*Atom]bool  // entries that do not travel with their function
	trips         map[*Atom]*trip // patched atoms that travel
	queue         []*Atom         // of them, those whose references were not followed yet
	res           *Result
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
		ambiguous: map[*Atom]bool{}, dropped: map[*Atom]bool{}, trips: map[*Atom]*trip{}, res: &Result{}}
	for _, a := range correlate(orig, patched) {
		s.ambiguous[a] = true
	}
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

func (s *selection) refuse(code string, a *Atom, hint, format string, args ...any) {
	s.diagnose(report.Diagnostic{Code: code, Severity: report.Error, Symbol: a.String(), Message: fmt.Sprintf(format, args...), Hint: hint})
}

func (s *selection) warn(code string, a *Atom, format string, args ...any) {
	s.diagnose(report.Diagnostic{Code: code, Severity: report.Warning, Symbol: a.String(), Message: fmt.Sprintf(format, args...)})
}

func (s *selection) note(code string, a *Atom, format string, args ...any) {
	s.diagnose(report.Diagnostic{Code: code, Severity: report.Note, Symbol: a.String(), Message: fmt.Sprintf(format, args...)})
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
		case d == nil:
		case b.Init():
			s.refuse("init-code", b, "Init code has run when a module is loaded: do the work in a livepatch callback instead.",
				"%s is init code and changed", b.Name)
		default:
			s.travel(b, d, report.Cause{Kind: causeKind(d), Symbol: b.Name, Detail: d.describe()})
		}
	}
}

func causeKind(d *Difference) string {
	switch d.What {
	case "size", "code":
		return "code"
	case "reference":
		if d.New != nil && d.New.Atom != nil && d.New.Atom.Kind == String {
			return "string"
		}
		return "code"
	}
	return "section"
}

// describe says in words what differs.
func (d *Difference) describe() string {
	switch d.What {
	case "size":
		return "size changed"
	case "code":
		return fmt.Sprintf("instruction at +%#x changed", d.Off)
	case "reference":
		if d.Old != nil && d.New != nil && d.Old.String() == d.New.String() {
			return fmt.Sprintf("instruction at +%#x changed", d.Off)
		}
		if d.Old != nil && d.New != nil {
			return fmt.Sprintf("reference at +%#x changed from %s to %s", d.Off, d.Old, d.New)
		}
		return "references changed"
	}
	return "entry of " + d.What + " changed"
}

// String is what the reference points at, for a person.
func (r *Ref) String() string {
	name := ""
	switch {
	case r.Atom != nil && r.Atom.Kind == String:
		return fmt.Sprintf("%q", r.Atom.Text(r.Addend))
	case r.Atom != nil:
		name = r.Atom.String()
	case r.Sym != nil:
		name = r.Sym.Name
	}
	if r.Addend != 0 {
		return fmt.Sprintf("%s%+d", name, r.Addend)
	}
	return name
}

// data compares the named objects that both sides have. Changed constants
// travel and take their users along; what the running kernel holds in
// writable memory cannot be changed by a patch to its initial value.
func (s *selection) data() {
	for _, b := range s.patched.Atoms {
		if b.Kind != Data {
			continue
		}
		if b.twin == nil {
			s.newData(b)
			continue
		}
		d := s.cmp.difference(b.twin, b)
		switch {
		case d == nil:
		case s.patched.describes(b):
			s.note("debug-site-kept", b, "%s keeps the entry that the kernel has for it in dynamic_debug/control", b)
		case s.patched.isUnowned(b):
			s.refuseUnowned(b, "changed")
		case b.Init():
			s.refuse("init-code", b, "", "%s is data of init code and changed", b.Name)
		case !b.isConst():
			s.refuse("data-changed", b, dataAdvice, "the initial value or size of the writable variable %s changed", b.Name)
		case b.Global():
			s.refuse("data-changed", b, "Change the code that uses it instead.",
				"the constant %s changed, and other units of the kernel can be using it", b.Name)
		default:
			s.travel(b, d, report.Cause{Kind: "data", Symbol: b.Name, Detail: d.describe()})
			s.pullUsers(b)
		}
	}
}

const dataAdvice = "The running kernel holds its value already: set it from a livepatch callback, or attach new state with a shadow variable."

// newData lets a new global object travel; a static one does when something
// that travels refers to it.
func (s *selection) newData(b *Atom) {
	switch {
	case s.patched.isUnowned(b):
		s.refuseUnowned(b, "new")
	case b.Init():
	case b.Global() && sectionClass(b) == "percpu":
		s.refusePerCPU(b)
	case b.Global():
		s.travel(b, nil, report.Cause{Kind: "data", Symbol: b.Name, Detail: "new object"})
	}
}

func (s *selection) refusePerCPU(b *Atom) {
	s.refuse("unknown-section", b, "Allocate it in a callback with alloc_percpu().", "%s is a new per-cpu variable", b)
}

// pullUsers makes all that refers to the constant b travel with it: there may
// be no two readings of one constant.
func (s *selection) pullUsers(b *Atom) {
	if len(b.users) == 0 {
		s.refuse("data-changed", b, dataAdvice, "the constant %s changed, and what uses it cannot be told", b)
	}
	causes := append([]report.Cause{{Kind: "data", Symbol: b.String()}}, s.causeOf(b)...)
	for _, u := range b.users {
		_, travels := s.trips[u]
		switch {
		case u.Init():
			s.refuse("data-changed", b, dataAdvice, "the constant %s changed, and the init code of %s has read it or handed out a pointer to it", b, u)
		case u.Kind == Func && b.holdsFunctions() && s.patched.handsOn(u, b):
			s.refuse("data-changed", b, "Patch the functions that the table points at instead.",
				"the table of functions %s changed, and %s hands out its address: what was made before the patch would keep the old one", b, u)
		case u.Kind == Func:
			if b.Kind == Data && s.patched.arch.accesses != nil && s.patched.handsOn(u, b) {
				s.warn("constant-kept", b, "what has a pointer to %s from before the patch, or from code that is not patched, goes on with its old contents", b)
			}
			s.drag(u, causes...)
		case s.patched.describes(u):
			s.note("debug-site-kept", u, "%s keeps the entry that the kernel has for it in dynamic_debug/control", u)
		case u.Kind == Data && !u.isConst():
			s.refuse("data-changed", u, dataAdvice, "the writable variable %s points at %s, which changed", u, b)
		case u.Kind == Data && u.Global():
			s.refuse("data-changed", u, dataAdvice, "the constant %s points at %s, which changed, and other units can be using it", u, b)
		case s.patched.isUnowned(u):
			s.refuseUnowned(u, "changed")
		case !travels:
			s.travel(u, &Difference{What: "reference"}, causes...)
			s.pullUsers(u)
		}
	}
}

// holdsFunctions reports whether a is a table of operations, which are used
// through pointers to the table, or points at one.
func (a *Atom) holdsFunctions() bool { return a.holds(3) }

func (a *Atom) holds(depth int) bool {
	for _, r := range a.Refs {
		switch {
		case r.Sym != nil, r.Atom != nil && r.Atom.Kind == Func:
			return true
		case r.Atom != nil && r.Atom.Kind == Data && r.Atom.isConst() && depth > 0 && r.Atom.holds(depth-1):
			return true
		}
	}
	return false
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
			s.refuse("unknown-instruction", a, "Please report the object.", "%s has an instruction that cannot be decoded, so what it refers to is not certain", a)
		}
		s.checkShared(a)
		if a.short {
			s.refuse("short-branch", a, "Compile both objects with -ffunction-sections.", "%s has a short branch into another function, which does not reach across sections", a)
		}
		if a.Kind == Func {
			s.family(a)
			s.callers(a)
			s.checkEntries(a)
		}
		s.follow(a, a)
		for _, e := range a.Entries {
			if !s.dropped[e] {
				s.follow(e, a)
			}
		}
	}
}

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
		s.refuse("no-ftrace-site", a, "Make the change in its callers, if they can be traced.",
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
			s.refuse("no-ftrace-site", a, "Make the change in its callers, if they can be traced.",
				"%s cannot be replaced: it has no ftrace site at its entry and %s holds a pointer to it", a.Name, u)
		}
	}
	switch {
	case len(a.users) == 0:
		s.refuse("no-ftrace-site", a, "Make the change in its callers, if they can be traced.",
			"%s cannot be replaced: it has no ftrace site at its entry, and what calls it cannot be told", a.Name)
	case callers == 0:
		s.warn("init-code", a, "%s changed and only init code calls it, which has run", a.Name)
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
			s.warn("debug-site-dropped", key, "the new pr_debug() in %s cannot be switched on: its static key would live in the module", a)
		default:
			s.refuse("module-static-key", key, "Use static_key_enabled() or static_call_query() in the patch: it needs no site of its own.",
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
			s.refuse("ambiguous-symbol", t, "Put the new variable before the array in the source, or leave its section attribute away.",
				"%s refers to the place where %s ends and %s begins, and which is meant cannot be told", owner, a.Refs[i].edge, t)
		case t == owner:
		case s.ambiguous[t] && !s.patched.describes(t):
			s.refuse("ambiguous-symbol", t, "Give the variable another name in the patch, or keep the order of its users.",
				"%s refers to %s, and several static variables of that name cannot be told apart", owner, t)
		case t.external():
		case t.Init():
			s.refuse("init-code", t, "", "%s refers to %s, which is gone once the kernel has booted", owner, t)
		case t.Kind == Data && sectionClass(t) == "percpu":
			s.refusePerCPU(t)
		case t.Kind == Anon && t.Writable() && !t.altinstr():
			s.refuse("unknown-section", t, "", "%s refers to writable data in %s that has no symbol", owner, t.Section.Name)
		default:
			s.travel(t, nil, s.causeOf(owner)...)
			if t.Kind == Func && !a.Refs[i].Branch && a.Kind != Entry && !a.altinstr() {
				s.warn("pointer-kept", t, "the kernel can keep a pointer to the new function %s: unload the module only when nothing uses it any more", t)
			}
		}
	}
}

// onEdge reports whether r, by a, can be the end of one object as well as the
// start of the next, and the two are not neighbours in the kernel. It is
// certainly the next one where its memory is read or written without a
// register in the address, or where the first is no array.
func (s *selection) onEdge(a *Atom, r *Ref) bool {
	t, before := r.Atom, r.edge
	if before == nil || before.Size <= 8 {
		return false
	}
	if _, direct := s.patched.accesses(a, r); direct {
		return false
	}
	if t.twin == nil || before.twin == nil || s.trips[t] != nil || s.trips[before] != nil {
		return true
	}
	return t.twin.Section != before.twin.Section || before.twin.Off+before.twin.Size != t.twin.Off
}

func (a *Atom) altinstr() bool { return strings.HasPrefix(a.Section.Name, ".altinstr") }

// external reports whether references to a are to stay references to what the
// kernel has: a named atom that exists there.
func (a *Atom) external() bool {
	return a.Name != "" && a.twin != nil && !(a.isConst() && a.generated())
}

// compilerConstants are the names that compilers give to constants of their
// own making; nothing can depend on the addresses of those.
var compilerConstants = []string{"CSWTCH", "__func__", "__FUNCTION__", "__PRETTY_FUNCTION__", "C"}

// generated reports whether the compiler made the constant (CSWTCH.5, __func__.7).
func (a *Atom) generated() bool {
	return a.Kind == Data && !a.Global() && len(a.Refs) == 0 && StableName(a.Name) != a.Name &&
		slices.Contains(compilerConstants, StableName(a.Name))
}
