package elfdiff

import (
	"slices"
	"strings"

	"kintsugi/internal/diag"
	"kintsugi/internal/report"
)

// Twins finds the named atoms of orig in variant, an object of the same source
// compiled in another way. Clones of functions (f.isra.0) are left out: what
// they take and return is the compiler's choice, and another one each time.
// Either object can be part of a Diff.
func Twins(orig, variant *Object) (map[*Atom]*Atom, error) {
	a, err := Load(orig.File)
	if err != nil {
		return nil, err
	}
	b, err := Load(variant.File)
	if err != nil {
		return nil, err
	}
	skip := map[*Atom]bool{}
	for _, atom := range correlate(a, b) {
		skip[atom] = true
	}
	place := map[*Atom]int{}
	for i, atom := range a.Atoms {
		place[atom] = i
	}
	twins := map[*Atom]*Atom{}
	for i, atom := range b.Atoms {
		clone := atom.Kind == Func && strings.Contains(atom.Name, ".")
		if atom.twin != nil && !skip[atom] && !clone {
			twins[variant.Atoms[i]] = orig.Atoms[place[atom.twin]]
		}
	}
	return twins, nil
}

// Covers reports whether r, of a pair that was compiled in another way, has all
// the changes of s, and all that s warns of but for debug sites. The compiler
// may inline otherwise there: a change that s sees in a function of the running
// kernel must not be looked for in another.
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
		same := func(e *DataItem) bool { return e.Status == d.Status && StableName(e.Name) == StableName(d.Name) }
		if d.Status != "private" && !slices.ContainsFunc(r.Data, same) {
			return false
		}
	}
	return true
}
