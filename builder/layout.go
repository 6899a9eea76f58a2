package builder

import (
	"fmt"
	"slices"

	"kintsugi/internal/ctext"
	"kintsugi/internal/debuginfo"
	"kintsugi/internal/diag"
	"kintsugi/internal/patchfile"
	"kintsugi/internal/report"
)

// layouts reports the types whose layout changes. The kernel's existing objects do not change, so
// only the author knows whether this is right. Each type is reported once; found has the findings
// of other units. changes are the files of the patch by path.
func (u *changed) layouts(changes map[string]*patchfile.Change, found []report.Diagnostic) []report.Diagnostic {
	if !u.Unit.Types {
		return nil
	}
	layouts, err := debuginfo.ChangedLayouts(u.diff.Orig.File, u.diff.Patched.File)
	if err != nil {
		return u.at([]report.Diagnostic{report.Found(report.Diagnostic{Code: diag.LayoutChanged, Symbol: u.Unit.Source,
			Message: fmt.Sprintf("the layouts of the types of %s cannot be compared: %v", u.Unit.Source, err),
			Hint:    "Accept the change if the patch changes no type there."})})
	}
	var list []report.Diagnostic
	for _, l := range layouts {
		d := layoutDiagnostic(l)
		if !l.Shared && onStackOnly(changes[u.Unit.Source], l.Type) {
			d = stackDiagnostic(l)
		}
		if !slices.ContainsFunc(found, func(old report.Diagnostic) bool {
			return old.Code == d.Code && old.Symbol == d.Symbol && old.Severity == d.Severity
		}) {
			list = append(list, d)
		}
	}
	return u.at(list)
}

func layoutDiagnostic(l debuginfo.LayoutChange) report.Diagnostic {
	return report.Found(report.Diagnostic{Code: diag.LayoutChanged, Symbol: l.Type,
		Message: fmt.Sprintf("the layout of %s changes: %s; "+
			"existing objects of the running kernel keep the old layout", l.Type, l.Detail),
		Hint: "Keep the type as it is, and put new state into a shadow variable (klp_shadow_alloc())."})
}

func stackDiagnostic(l debuginfo.LayoutChange) report.Diagnostic {
	return report.Found(report.Diagnostic{Code: diag.LayoutChanged, Symbol: l.Type,
		Message: fmt.Sprintf("the layout of %s changes: %s; "+
			"all of its objects are on the stacks of functions that this unit has", l.Type, l.Detail)}).In(diag.OnStack)
}

// onStackOnly reports whether all objects of a type are local variables of the
// file, before and after the change. c is nil if the patch does not change the
// file: the type is then from a header.
func onStackOnly(c *patchfile.Change, typ string) bool {
	return c != nil && ctext.OnStackOnly(string(c.Original), typ) && ctext.OnStackOnly(string(c.Patched), typ)
}
