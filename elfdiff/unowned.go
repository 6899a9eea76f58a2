package elfdiff

import (
	"sort"
	"strings"

	"kintsugi/internal/diag"
)

// plainSections are where compilers put code and data; what nobody refers to
// has no effect in them. Everything in other sections is collected by the
// linker or the module loader, and so has effect by being there.
var plainSections = []string{".text", ".data", ".bss", ".rodata", ".init.", ".exit.", ".altinstr", ".ref.", ".sched.", ".cpuidle.",
	".noinstr.", ".entry.", ".kprobes.", ".irqentry.", ".softirqentry.", ".lbss", ".ldata", ".lrodata", ".eh_frame", ".meminit", ".spinlock.", ".lock."}

func isPlainSection(name string) bool {
	for _, p := range plainSections {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}

// isUnowned reports whether a has effect just by being in its section.
func (o *Object) isUnowned(a *Atom) bool {
	spec, known := o.arch.specialOf(a.Section.Name)
	if known {
		return spec.unowned
	}
	return !isPlainSection(a.Section.Name)
}

// describes reports whether a describes a call site (struct _ddebug,
// include/linux/dynamic_debug.h).
func (o *Object) describes(a *Atom) bool {
	return a.Kind == Data && o.arch.sections[a.Section.Name].describes
}

// unowned refuses differences in what belongs to no function: exports,
// initcalls, parameters, and sections that nobody has listed.
func (s *selection) unowned() {
	for _, a := range s.orig.Atoms {
		if a.Kind == Data && a.twin == nil && s.orig.isUnowned(a) {
			s.refuseUnowned(a, "removed")
		}
	}
	olds, news := unownedContents(s.orig), unownedContents(s.patched)
	for _, sec := range sectionNames(olds, news) {
		a, b := olds[sec], news[sec]
		if len(a) != len(b) {
			s.refuseUnowned(append(b, a...)[0], "changed")
			continue
		}
		for i := range a {
			if !s.cmp.same(a[i], b[i]) {
				s.refuseUnowned(b[i], "changed")
			}
		}
	}
}

// unownedContents are the atoms without names of linker-collected sections
// and the entries without owners, by section.
func unownedContents(o *Object) map[string][]*Atom {
	m := map[string][]*Atom{}
	for _, a := range o.Atoms {
		spec, _ := o.arch.specialOf(a.Section.Name)
		switch {
		case a.Kind == Entry && a.Owner == nil && !a.Spec.drop, a.Kind == Anon && o.isUnowned(a),
			a.Kind == Anon && len(spec.parallel) > 0,
			a.Kind == Anon && spec.relocs > 0,
			(a.Kind == String || a.Kind == Const) && o.isUnowned(a):
			m[a.Section.Name] = append(m[a.Section.Name], a)
		}
	}
	return m
}

func sectionNames(maps ...map[string][]*Atom) []string {
	seen := map[string]bool{}
	var names []string
	for _, m := range maps {
		for n := range m {
			if !seen[n] {
				seen[n] = true
				names = append(names, n)
			}
		}
	}
	sort.Strings(names)
	return names
}

// refuseUnowned names what stands against a difference in such a section.
func (s *selection) refuseUnowned(a *Atom, how string) {
	sec := a.Section.Name
	switch {
	case s.ignores(a):
	case isExport(a):
		s.export(a, how)
	case strings.Contains(sec, "initcall"):
		s.refuse(diag.InitCode, a, "Initcalls have run when a module is loaded: use a livepatch callback.", "the initcall in %s is %s", sec, how)
	default:
		s.refuse(diag.UnknownSection, a, "Leave that part of the patch out, or do what it does in a livepatch callback.", "%s in section %s is %s, and that section has effect in a kernel image only", a, sec, how)
	}
}
