package elfdiff

import (
	"slices"
	"strings"

	"kintsugi/internal/diag"
	"kintsugi/internal/objmodel"
	"kintsugi/internal/report"
)

// Twins finds the named atoms of orig in variant, an object of the same source that was compiled in
// another way. The result maps atoms of variant to those of orig. Clones of functions (f.isra.0)
// are omitted, because the compiler may choose other parameters and results each time.
func Twins(orig, variant *objmodel.Object) map[*objmodel.Atom]*objmodel.Atom {
	pairs, ambiguous, _ := correlate(orig, variant)
	pairs.matchSoleMessages()
	twins := map[*objmodel.Atom]*objmodel.Atom{}
	for _, a := range variant.Atoms {
		clone := a.Kind == objmodel.Func && strings.Contains(a.Name, ".")
		if twin := pairs.Twin(a); twin != nil && !clone {
			twins[a] = twin
		}
	}
	for _, a := range ambiguous {
		delete(twins, a)
	}
	return twins
}

// Covers reports whether r has all changes of s, and all warnings of s except those about debug
// sites. r is of the same pair, compiled in another way. The compiler can inline differently in r:
// each function that s changes in the running kernel must be changed in r too.
func (r *Result) Covers(s *Result) bool {
	for _, d := range s.Diagnostics {
		same := func(e report.Diagnostic) bool { return e.Code == d.Code && e.Symbol == d.Symbol }
		if d.Severity == diag.Warning && d.Code != diag.DebugSiteDropped && !slices.ContainsFunc(r.Diagnostics, same) {
			return false
		}
	}
	for _, f := range s.Functions {
		same := func(g *Function) bool { return g.Name == f.Name && (g.Old != nil) == (f.Old != nil) }
		if !strings.HasSuffix(f.Name, ".cold") && !slices.ContainsFunc(r.Functions, same) {
			return false
		}
	}
	for _, d := range s.Data {
		same := func(e *DataItem) bool {
			return e.Status == d.Status && objmodel.StableName(e.Name) == objmodel.StableName(d.Name)
		}
		if d.Status != report.StatusPrivate && !slices.ContainsFunc(r.Data, same) {
			return false
		}
	}
	return true
}
