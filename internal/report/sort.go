package report

import (
	"cmp"
	"slices"

	"kintsugi/internal/diag"
)

// Sort sorts every list and removes duplicates, so that the same findings give the same report.
func (r *Report) Sort() {
	slices.SortFunc(r.Units, func(a, b Unit) int { return cmp.Compare(a.Object, b.Object) })
	slices.SortStableFunc(r.Functions, func(a, b Function) int {
		return cmp.Or(cmp.Compare(a.Object, b.Object), cmp.Compare(a.Unit, b.Unit), cmp.Compare(a.Name, b.Name))
	})
	slices.SortStableFunc(r.Data, func(a, b Data) int {
		return cmp.Or(cmp.Compare(a.Object, b.Object), cmp.Compare(a.Unit, b.Unit), cmp.Compare(a.Name, b.Name))
	})
	slices.SortFunc(r.References, compareReferences)
	r.References = slices.CompactFunc(r.References, func(a, b Reference) bool {
		return a.Symbol == b.Symbol && a.Object == b.Object && a.SymPos == b.SymPos
	})
	slices.SortFunc(r.Callbacks, func(a, b Callback) int {
		return cmp.Or(cmp.Compare(a.Object, b.Object), cmp.Compare(a.Kind, b.Kind),
			cmp.Compare(a.Name, b.Name), cmp.Compare(a.Unit, b.Unit))
	})
	slices.SortFunc(r.States, func(a, b State) int { return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Unit, b.Unit)) })
	slices.SortStableFunc(r.Diagnostics, compareDiagnostics)
	r.Diagnostics = slices.Compact(r.Diagnostics)
	slices.SortStableFunc(r.Accepted, func(a, b Accepted) int { return compareDiagnostics(a.Diagnostic, b.Diagnostic) })
	r.Accepted = slices.Compact(r.Accepted)
}

// compareReferences sorts by object, symbol and position. If only How differs, the proven reference
// is first.
func compareReferences(a, b Reference) int {
	return cmp.Or(cmp.Compare(a.Object, b.Object), cmp.Compare(a.Symbol, b.Symbol),
		cmp.Compare(a.SymPos, b.SymPos), -cmp.Compare(a.How, b.How))
}

// compareDiagnostics sorts errors first, then by place.
func compareDiagnostics(a, b Diagnostic) int {
	rank := map[diag.Severity]int{diag.Error: 0, diag.Consent: 1, diag.Warning: 2, diag.Note: 3}
	return cmp.Or(cmp.Compare(rank[a.Severity], rank[b.Severity]),
		cmp.Compare(a.Object, b.Object), cmp.Compare(a.Source, b.Source),
		cmp.Compare(a.Symbol, b.Symbol), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Message, b.Message))
}
