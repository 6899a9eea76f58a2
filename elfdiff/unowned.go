package elfdiff

import (
	"cmp"
	"sort"
	"strings"

	"kintsugi/internal/arch"
	"kintsugi/internal/diag"
	"kintsugi/internal/objmodel"
)

// unowned refuses differences that belong to no function: exports, initcalls, parameters, unknown
// sections.
func (s *selection) unowned() {
	for _, a := range s.orig.Atoms {
		if a.Kind == objmodel.Data && s.twin(a) == nil && a.Spec.Unowned {
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

// unownedContents returns, by section, the atoms without names of linker-collected sections, and
// the entries without owners.
func unownedContents(o *objmodel.Object) map[string][]*objmodel.Atom {
	m := map[string][]*objmodel.Atom{}
	for _, a := range o.Atoms {
		switch {
		case a.Kind == objmodel.Entry && a.Owner == nil && !a.Spec.Drop, a.Kind == objmodel.Anon && a.Spec.Unowned,
			a.Kind == objmodel.Anon && a.Spec.Parallel != "",
			a.Kind == objmodel.Anon && a.Spec.Relocs > 0,
			(a.Kind == objmodel.String || a.Kind == objmodel.Const) && a.Spec.Unowned:
			m[a.Section.Name] = append(m[a.Section.Name], a)
		}
	}
	return m
}

func sectionNames(maps ...map[string][]*objmodel.Atom) []string {
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

// imageOnly is the reason for sections without a reason of their own.
var imageOnly = arch.Refusal{Why: "this section has an effect only in a kernel image",
	Hint: "Leave this part of the patch out, or do its work in a livepatch callback."}

// refuseUnowned refuses a difference in such a section and gives the reason.
func (s *selection) refuseUnowned(a *objmodel.Atom, how string) {
	sec := a.Section.Name
	switch {
	case s.ignores(a):
	case a.Spec.Passive && len(a.Users) == 0:
	case isExport(a):
		s.export(a, how)
	case sec == ".modinfo" && modinfoTag(a) != "license":
		s.remark(diag.ModinfoKept, a, "the tag %s of .modinfo is %s in the patch, but stays unchanged in the running kernel",
			modinfoTag(a), how)
	case strings.Contains(sec, "initcall"):
		s.refuse(diag.InitCode, a, "Initcalls have already run when the livepatch is loaded: use a livepatch callback.",
			"the initcall in %s is %s", sec, how)
	default:
		reason := cmp.Or(a.Spec.Refusal, imageOnly)
		s.refuse(diag.UnknownSection, a, reason.Hint, "%s in section %s is %s, and %s", a, sec, how, reason.Why)
	}
}

// modinfoTag returns the name of a tag in .modinfo. Tags of built-in code begin with the name that
// the code would have as a module (__MODULE_INFO, include/linux/moduleparam.h).
func modinfoTag(a *objmodel.Atom) string {
	name, _, _ := strings.Cut(string(a.Bytes()), "=")
	return name[strings.LastIndexByte(name, '.')+1:]
}
