package elfdiff

import (
	"fmt"
	"slices"
	"strings"

	"kintsugi/internal/diag"
	"kintsugi/internal/objmodel"
	"kintsugi/internal/report"
)

// isExport reports whether a belongs to an EXPORT_SYMBOL: an entry of a ___ksymtab section or its
// checksum (include/linux/export-internal.h), or, since 6.5, the input from which modpost makes
// them (include/linux/export.h).
func isExport(a *objmodel.Atom) bool {
	sec := a.Section.Name
	return strings.Contains(sec, "ksymtab") || strings.Contains(sec, "kcrctab") || sec == ".export_symbol"
}

// exportName returns the exported name.
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

// export handles an export that differs between the objects. The running kernel keeps its exports,
// and gets no new ones. A new export loses nothing: code in the patch finds the symbol without it.
// Nothing is reported if the whole symbol is removed, because removals warns about it.
func (s *selection) export(a *objmodel.Atom, how string) {
	name := exportName(a)
	olds, news := s.exports()
	switch {
	case !olds[name]:
		if !slices.Contains(s.res.Exports, name) {
			s.res.Exports = append(s.res.Exports, name)
		}
		s.diagnose(report.Found(report.Diagnostic{Code: diag.ExportDropped, Symbol: name,
			Message: fmt.Sprintf("the new export %s works only within this patch: another module that needs it cannot be "+
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
