package elfdiff

import (
	"fmt"
	"slices"
	"strings"

	"kintsugi/internal/diag"
	"kintsugi/internal/objmodel"
	"kintsugi/internal/report"
)

// isExport reports whether a stands for an EXPORT_SYMBOL: an entry of a
// ___ksymtab section and its checksum (include/linux/export-internal.h), or,
// since 6.5, what modpost makes one of (include/linux/export.h).
func isExport(a *objmodel.Atom) bool {
	sec := a.Section.Name
	return strings.Contains(sec, "ksymtab") || strings.Contains(sec, "kcrctab") || sec == ".export_symbol"
}

// exportName is what is exported.
func exportName(a *objmodel.Atom) string {
	if _, name, ok := strings.Cut(a.Section.Name, "+"); ok {
		return name
	}
	name := a.String()
	for _, prefix := range []string{"__ksymtab_", "__kcrctab_", "__kstrtab_", "__kstrtabns_", "__export_symbol_"} {
		name = strings.TrimPrefix(name, prefix)
	}
	return name
}

// export decides about an export that is not the same in both objects. The
// running kernel keeps those that it has, and gets no more. That is no loss
// where the patch adds one: what the patch itself changes finds the symbol
// without. Nor is it where the symbol goes altogether, which removals warns of.
func (s *selection) export(a *objmodel.Atom, how string) {
	name := exportName(a)
	olds, news := s.exports()
	switch {
	case !olds[name]:
		if !slices.Contains(s.res.Exports, name) {
			s.res.Exports = append(s.res.Exports, name)
		}
		s.diagnose(report.Found(report.Diagnostic{Code: diag.ExportDropped, Symbol: name,
			Message: fmt.Sprintf("the new export %s is for what this patch changes alone: a module that needs it cannot be "+
				"loaded", name)}))
	case !news[name] && s.defined()[name] == nil:
	default:
		if news[name] {
			how = "changed"
		}
		s.diagnose(report.Found(report.Diagnostic{Code: diag.ExportChanged, Symbol: name,
			Message: fmt.Sprintf("the export %s is %s", name, how),
			Hint:    "Other modules are linked against the exports of the running kernel: keep them as they are."}))
	}
}

func exportNames(o *objmodel.Object) map[string]bool {
	names := map[string]bool{}
	for _, a := range o.Atoms {
		if isExport(a) {
			names[exportName(a)] = true
		}
	}
	return names
}
