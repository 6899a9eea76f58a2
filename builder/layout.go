package builder

import (
	"fmt"
	"log/slog"
	"slices"

	"kintsugi/internal/debuginfo"
	"kintsugi/internal/diag"
	"kintsugi/internal/report"
)

// layouts warns of types that look different in memory after the patch: the
// objects that the kernel has made by then do not change. Each type is reported
// once; found has those of other units.
func (u *changed) layouts(found []report.Diagnostic) []report.Diagnostic {
	if !u.Unit.Types {
		return nil
	}
	changes, err := debuginfo.ChangedLayouts(u.diff.Orig.File, u.diff.Patched.File)
	if err != nil {
		slog.Debug("types", "unit", u.Unit.Source, "error", err)
		return nil
	}
	var list []report.Diagnostic
	for _, c := range changes {
		d := report.Diagnostic{Code: diag.LayoutChanged, Severity: diag.Warning, Symbol: c.Type,
			Message: fmt.Sprintf("%s lies otherwise in memory after the patch: %s; the objects that the running kernel has made of it stay as they are", c.Type, c.Detail),
			Hint:    "Keep the type as it is, and put new state into a shadow variable (klp_shadow_alloc())."}
		if !slices.ContainsFunc(found, func(old report.Diagnostic) bool { return old.Code == d.Code && old.Symbol == d.Symbol }) {
			list = append(list, d)
		}
	}
	return u.at(list)
}
