package elfdiff

import (
	"sort"
	"strings"

	"kintsugi/internal/diag"
	"kintsugi/internal/objmodel"
)

// unowned refuses differences that belong to no function: of exports, initcalls,
// parameters, and unknown sections.
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

// unownedContents are the atoms without names of linker-collected sections
// and the entries without owners, by section.
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

// refuseUnowned reports why a difference in such a section is refused.
func (s *selection) refuseUnowned(a *objmodel.Atom, how string) {
	sec := a.Section.Name
	switch {
	case s.ignores(a):
	case a.Spec.Passive && len(a.Users) == 0:
	case isExport(a):
		s.export(a, how)
	case sec == ".modinfo" && modinfoTag(a) != "license":
		s.remark(diag.ModinfoKept, a, "the tag %s of .modinfo is %s in the patch, and stays what it is in the running kernel",
			modinfoTag(a), how)
	case strings.Contains(sec, "initcall"):
		s.refuse(diag.InitCode, a, "Initcalls have run when a module is loaded: use a livepatch callback.",
			"the initcall in %s is %s", sec, how)
	default:
		effect, hint := unownedEffect(sec)
		s.refuse(diag.UnknownSection, a, hint, "%s in section %s is %s, and %s", a, sec, how, effect)
	}
}

// modinfoTag is the name of a tag in .modinfo. The tags of built-in code begin with the
// name that it would have as a module (__MODULE_INFO, include/linux/moduleparam.h).
func modinfoTag(a *objmodel.Atom) string {
	name, _, _ := strings.Cut(string(a.Bytes()), "=")
	return name[strings.LastIndexByte(name, '.')+1:]
}

// unownedEffects are sections whose differences cannot be in a livepatch, with the
// reason and a hint.
var unownedEffects = map[string][2]string{
	".modinfo": {"the running kernel has judged the license already", "Leave the license as it is."},
	"__param": {"a parameter of the livepatch would not be one of the patched code",
		"Use a variable, and set it from a livepatch callback."},
	"__tracepoints":      {"the kernel registers the tracepoints of whole modules", tracepointHint},
	"__tracepoints_ptrs": {"the kernel registers the tracepoints of whole modules", tracepointHint},
	"_ftrace_events":     {"the kernel registers the events of whole modules", tracepointHint},
	"_ftrace_eval_map":   {"the kernel registers the events of whole modules", tracepointHint},
	"__bpf_raw_tp_map":   {"the kernel registers the tracepoints of whole modules", tracepointHint},
	"__dyndbg_classes": {"the kernel registers the classes of debug messages of whole modules",
		"Use pr_debug() without a class, or a class that the file has."},
	".kunit_test_suites":      {"the kernel runs the test suites of whole modules", testHint},
	".kunit_init_test_suites": {"the kernel runs the test suites of whole modules", testHint},
	".init_array":             {"constructors have run when a livepatch is loaded", constructorHint},
	".ctors":                  {"constructors have run when a livepatch is loaded", constructorHint},
	"__tracepoint_str": {"the tracing system reads that section of the kernel image alone",
		"Hand the string to the tracepoint as text (__string), without tracepoint_string()."},
}

const (
	tracepointHint  = "Use trace_printk() in the patch, or a tracepoint that the kernel has."
	testHint        = "Leave the test suite out of the livepatch."
	constructorHint = "Initialise what the constructor does in a livepatch callback."
)

// unownedEffect is the reason why a difference in a section is refused, and a hint.
func unownedEffect(section string) (effect, hint string) {
	if e, ok := unownedEffects[section]; ok {
		return e[0], e[1]
	}
	return "that section has effect in a kernel image only",
		"Leave that part of the patch out, or do what it does in a livepatch callback."
}
