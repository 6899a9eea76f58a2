package elfdiff

import (
	"fmt"
	"slices"
	"strings"

	"kintsugi/internal/diag"
	"kintsugi/internal/objmodel"
	"kintsugi/internal/report"
)

// Late refuses or drops the jump labels and static calls whose key is in a module that may be
// loaded after the livepatch: r's own module, or another one of the patch. The kernel sets such
// sites up when the livepatch is loaded, and their keys have no address yet. elsewhere reports
// whether a symbol that the unit does not define is missing from the kernel itself.
//
// A static call works without its site: it goes through the trampoline, as before the kernel
// patches it. Sites of tracepoints and of pr_debug() can be omitted too, and stay as compiled.
func (r *Result) Late(elsewhere func(symbol string) bool) *Result {
	late := *r
	late.Diagnostics = lateInit(r.Diagnostics)
	dropped := map[*objmodel.Atom]bool{}
	included := r.included()
	for _, f := range r.Functions {
		for _, e := range f.New.Entries {
			name, isLate := r.lateKey(e, elsewhere)
			if !isLate || !included[e] {
				continue
			}
			dropped[e] = true
			if d := lateSite(f, e, name); d != nil {
				late.Diagnostics = append(late.Diagnostics, *d)
			}
		}
	}
	late.Contents = slices.DeleteFunc(slices.Clone(r.Contents), func(a *objmodel.Atom) bool { return dropped[a] })
	return &late
}

func (r *Result) included() map[*objmodel.Atom]bool {
	included := make(map[*objmodel.Atom]bool, len(r.Contents))
	for _, a := range r.Contents {
		included[a] = true
	}
	return included
}

// LateLabels returns the names of keys by function: of the jump labels of r's functions whose key
// is new, or is not in vmlinux. elsewhere is nil for code of vmlinux, and as in Late for code of a
// module.
func (r *Result) LateLabels(elsewhere func(symbol string) bool) map[string][]string {
	keys := map[string][]string{}
	included := r.included()
	for _, f := range r.Functions {
		for _, e := range f.New.Entries {
			if e.Section.Name != jumpTable || !included[e] {
				continue
			}
			name, late := r.lateKey(e, elsewhere)
			if late && !slices.Contains(keys[f.Name], name) {
				keys[f.Name] = append(keys[f.Name], name)
			}
		}
	}
	return keys
}

// lateInit refuses changed init and exit code of a module. It can still run, when the module is
// loaded or unloaded, and cannot be patched.
func lateInit(diagnostics []report.Diagnostic) []report.Diagnostic {
	list := slices.Clone(diagnostics)
	for i := range list {
		if d := &list[i]; d.Code == diag.InitCode && !d.Severity.Refuses() {
			*d = d.In(diag.Usual)
			d.Message = d.Symbol + " changed, and runs when a module is loaded or unloaded: the unpatched code would run"
			d.Hint = "Leave this part out if the rest of the patch is right without it."
		}
	}
	return list
}

// lateKey returns the key of a jump label or static call. late is true if the key is not in
// vmlinux, or, if elsewhere is nil, if the key is new.
func (r *Result) lateKey(e *objmodel.Atom, elsewhere func(string) bool) (name string, late bool) {
	if e.Section.Name != jumpTable && e.Section.Name != staticCallSites {
		return "", false
	}
	for i := len(e.Refs) - 1; i >= 0; i-- {
		switch ref := e.Refs[i]; {
		case ref.Atom == e: // the subtracted half of a difference
		case ref.Atom != nil:
			return ref.Atom.String(), elsewhere != nil || r.Pairs.Twin(ref.Atom) == nil
		case ref.Sym != nil:
			return ref.Sym.Name, elsewhere != nil && elsewhere(ref.Sym.Name)
		}
	}
	return "", false
}

const (
	jumpTable       = "__jump_table"
	staticCallSites = ".static_call_sites"
)

// lateSite returns the diagnostic about a site that is omitted. It returns nil if the function
// behaves the same without the site.
func lateSite(f *Function, e *objmodel.Atom, name string) *report.Diagnostic {
	tracepoint, isTracepoint := strings.CutPrefix(name, "__tracepoint_")
	key := e.LastTarget()
	switch {
	case e.Section.Name == staticCallSites:
		return nil
	case isTracepoint:
		return new(report.Found(report.Diagnostic{Code: diag.TracepointDropped, Symbol: f.Name,
			Message: fmt.Sprintf("the tracepoint %s does not fire in the patched %s, because its static key is in a module",
				tracepoint, f.Name)}))
	case key != nil && key.Describes():
		return new(report.Found(report.Diagnostic{Code: diag.DebugSiteDropped, Symbol: f.Name,
			Message: fmt.Sprintf("a pr_debug() in the patched %s cannot be enabled, because its static key is in a module",
				f.Name)}))
	}
	return new(report.Found(report.Diagnostic{Code: diag.ModuleStaticKey, Symbol: f.Name,
		Message: fmt.Sprintf("%s uses the static key %s of a module that may be loaded after the livepatch", f.Name, name),
		Hint:    "Use static_key_enabled() in the patch: it needs no site of its own."}))
}
