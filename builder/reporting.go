package builder

import (
	"fmt"

	"kintsugi/internal/diag"
	"kintsugi/internal/report"
)

func (r *run) refuse(code diag.Code, source, hint, format string, args ...any) {
	r.rep.Diagnostics = append(r.rep.Diagnostics, report.Diagnostic{Code: code, Severity: diag.Error, Source: source,
		Message: fmt.Sprintf(format, args...), Hint: hint})
}

// diagnose adds the findings of one unit.
func (r *run) diagnose(u *unit, diags []report.Diagnostic) {
	for _, d := range diags {
		d.Object = u.owner.Name
		if d.Source == "" {
			d.Source = u.Unit.Source
		}
		r.rep.Diagnostics = append(r.rep.Diagnostics, d)
	}
}

// reportContents says what of the unit is in the module.
func (r *run) reportContents(u *unit) {
	for _, f := range u.diff.Functions {
		out := report.Function{Name: f.Name, Object: u.owner.Name, Unit: u.Unit.Source, Status: "new", NewSize: f.New.Size, Cause: f.Cause}
		if f.Old != nil {
			out.Status, out.OldSize, out.SymPos = "changed", f.Old.Size, u.targets[f].SymPos
		}
		r.rep.Functions = append(r.rep.Functions, out)
	}
	for _, d := range u.diff.Data {
		r.rep.Data = append(r.rep.Data, report.Data{Name: d.Name, Object: u.owner.Name, Unit: u.Unit.Source, Status: d.Status})
	}
}
