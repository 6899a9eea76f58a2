package builder

import (
	"fmt"
	"log/slog"
	"slices"

	"kintsugi/internal/diag"
	"kintsugi/internal/patchfile"
	"kintsugi/internal/report"
	"kintsugi/kbuild"
)

// wantTypes has the types kept in the debug info of those units that the patch
// can change a type in.
func wantTypes(units []kbuild.Unit, changes *patchfile.Result) {
	for _, c := range changes.Changes {
		if !c.MayChangeTypes() {
			continue
		}
		for i := range units {
			units[i].Types = units[i].Types || slices.Contains(units[i].Changed, c.Path)
		}
	}
}

// layouts warns, once for each, of types that look different in memory after
// the patch: the objects that the kernel has made by then do not change.
func (r *run) layouts(u *unit) {
	if !u.Unit.Types {
		return
	}
	changes, err := u.diff.Layouts()
	if err != nil {
		slog.Debug("types", "unit", u.Unit.Source, "error", err)
		return
	}
	for _, c := range changes {
		d := report.Diagnostic{Code: diag.LayoutChanged, Severity: diag.Warning, Symbol: c.Type,
			Message: fmt.Sprintf("%s lies otherwise in memory after the patch: %s; the objects that the running kernel has made of it stay as they are", c.Type, c.Detail),
			Hint:    "Keep the type as it is, and put new state into a shadow variable (klp_shadow_alloc())."}
		if !slices.ContainsFunc(r.rep.Diagnostics, func(old report.Diagnostic) bool { return old.Code == d.Code && old.Symbol == d.Symbol }) {
			r.diagnose(u, []report.Diagnostic{d})
		}
	}
}
