package elfdiff

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"kintsugi/internal/diag"
	"kintsugi/internal/report"
)

// Late returns r for code of a module that may be loaded after the livepatch:
// without the jump labels and static calls whose key that module has, or
// another that comes with it, or with a refusal of them. The kernel sets such
// sites up when the livepatch is loaded, before their keys have an address.
// elsewhere reports whether the kernel itself lacks a symbol that the unit does
// not define.
//
// A static call can do without its site: it goes through the trampoline, as
// before the kernel has patched it. Sites of tracepoints and of pr_debug() can
// be left out too, and stay as they were compiled.
func (r *Result) Late(elsewhere func(symbol string) bool) *Result {
	late := *r
	late.Diagnostics, late.dropped = slices.Clone(r.Diagnostics), maps.Clone(r.dropped)
	r = &late
	r.lateInit()
	for _, f := range r.Functions {
		for _, e := range f.New.Entries {
			name, late := r.lateKey(e, elsewhere)
			if !late || r.dropped[e] {
				continue
			}
			r.dropped[e] = true
			d := r.lateSite(f, e, name)
			if d != nil {
				r.Diagnostics = append(r.Diagnostics, *d)
			}
		}
	}
	return r
}

// LateLabels are the jump labels of functions that travel whose key is no part
// of the kernel, or not yet: the names of the keys by function. elsewhere is
// nil for code of the kernel itself, and as for Late for that of a module.
func (r *Result) LateLabels(elsewhere func(symbol string) bool) map[string][]string {
	keys := map[string][]string{}
	for _, f := range r.Functions {
		for _, e := range f.New.Entries {
			if e.Section.Name != jumpTable || r.dropped[e] {
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

// lateInit refuses changed init and exit code of a module, with whatever it
// comes: it can still run, when the module comes or goes, and cannot be patched.
func (r *Result) lateInit() {
	for i := range r.Diagnostics {
		if d := &r.Diagnostics[i]; d.Code == diag.InitCode && d.Severity == diag.Warning {
			d.Severity = diag.Error
			d.Message = d.Symbol + " runs when a module comes or goes, and changed: it would run as it was shipped"
			d.Hint = "Leave that part out if the rest is right without it."
		}
	}
}

// lateKey is the key of a jump label or static call; late tells that it is
// not the kernel's, or new where elsewhere is nil.
func (r *Result) lateKey(e *Atom, elsewhere func(string) bool) (name string, late bool) {
	if e.Section.Name != jumpTable && e.Section.Name != staticCallSites {
		return "", false
	}
	for i := len(e.Refs) - 1; i >= 0; i-- {
		switch ref := e.Refs[i]; {
		case ref.Atom == e: // the subtracted half of a difference
		case ref.Atom != nil:
			return ref.Atom.String(), elsewhere != nil || ref.Atom.twin == nil
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

// lateSite says what becomes of a site that is left out; nil where nothing does.
func (r *Result) lateSite(f *Function, e *Atom, name string) *report.Diagnostic {
	tracepoint, isTracepoint := strings.CutPrefix(name, "__tracepoint_")
	key := e.lastTarget()
	switch {
	case e.Section.Name == staticCallSites:
		return nil
	case isTracepoint:
		return &report.Diagnostic{Code: diag.TracepointDropped, Severity: diag.Warning, Symbol: f.Name,
			Message: fmt.Sprintf("the tracepoint %s does not fire in the patched %s, as its static key is in a module", tracepoint, f.Name)}
	case key != nil && r.Patched.describes(key):
		return &report.Diagnostic{Code: diag.DebugSiteDropped, Severity: diag.Warning, Symbol: f.Name,
			Message: fmt.Sprintf("a pr_debug() in the patched %s cannot be switched on, as its static key is in a module", f.Name)}
	}
	return &report.Diagnostic{Code: diag.ModuleStaticKey, Severity: diag.Error, Symbol: f.Name,
		Message: fmt.Sprintf("%s uses the static key %s of a module, which may come after the livepatch", f.Name, name),
		Hint:    "Use static_key_enabled() in the patch: it needs no site of its own."}
}
