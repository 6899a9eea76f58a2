package builder

import (
	"debug/elf"
	"fmt"
	"maps"
	"slices"

	"kintsugi/elfdiff"
	"kintsugi/internal/diag"
	"kintsugi/internal/klp"
	"kintsugi/internal/report"
)

// resolved is a part whose references and replaced functions are known.
type resolved struct {
	part
	targets    map[*elfdiff.Function]klp.Target // the kernel's version of each replaced function
	resolution *klp.Resolution
}

// resolve finds the kernel's version of each replaced function, and the symbol of
// the kernel for each reference of the extracted objects.
func resolve(kernel *klp.Kernel, parts []part) ([]resolved, []report.Diagnostic, error) {
	units := make([]changed, len(parts))
	for i, p := range parts {
		units[i] = p.changed
	}
	shared := sharedSymbols(units)
	promoted := promotedSymbols(units)
	found := checkNew(kernel, units, shared)
	list := make([]resolved, 0, len(parts))
	for _, p := range parts {
		targets, unlocated := locate(p)
		p.proof = p.proof.WithSymbols(promoted[p.owner.Name])
		r := p.owner.Resolve(p.extract, p.proof, shared.naming(p.owner))
		found = append(found, p.at(slices.Concat(unlocated, r.Diagnostics, r.TooLate(p.extract.File)))...)
		list = append(list, resolved{part: p, targets: targets, resolution: r})
	}
	return list, found, nil
}

// promotedSymbols returns the addresses of symbols that are static in the running kernel and global
// in the patch, so that other units of the same object can use them.
func promotedSymbols(units []changed) map[string]map[string]uint64 {
	promoted := map[string]map[string]uint64{}
	for _, u := range units {
		if promoted[u.owner.Name] == nil {
			promoted[u.owner.Name] = map[string]uint64{}
		}
		renamed := u.diff.Renamed()
		for _, s := range u.diff.Patched.File.Symbols {
			a := u.diff.Patched.AtomOf(s)
			if s.Bind == elf.STB_LOCAL || a == nil || s.Value != a.Off {
				continue
			}
			old := u.diff.Pairs.Twin(a)
			_, isRenamed := renamed[s.Name]
			if old == nil || !isRenamed && (old.Global() || old.Name != s.Name) {
				continue
			}
			if addr, ok := u.proof.Addr(old); ok {
				promoted[u.owner.Name][s.Name] = addr
			}
		}
	}
	return promoted
}

// checkNew refuses global symbols that are new in their unit if the object already has the name,
// from another unit or from an export: code outside the patch keeps using the old symbol. Exports
// of the kernel or a module count for any object, because it may begin to use them.
func checkNew(kernel *klp.Kernel, units []changed, shared sharedNames) []report.Diagnostic {
	var found []report.Diagnostic
	checked := map[string]bool{}
	for _, u := range units {
		if checked[u.owner.Name] {
			continue
		}
		checked[u.owner.Name] = true
		for _, name := range slices.Sorted(maps.Keys(shared.defined[u.owner.Name])) {
			_, exported := kernel.Exports[name]
			if exported || u.owner.HasGlobal(name) {
				found = append(found, finding(diag.SymbolMoved, "", "Make the change in the file where the kernel has "+name+".",
					"the patch defines %s, but the kernel already has a global symbol with this name", name))
			}
		}
	}
	return found
}

// locate finds the image's version of each replaced function.
func locate(p part) (map[*elfdiff.Function]klp.Target, []report.Diagnostic) {
	targets := map[*elfdiff.Function]klp.Target{}
	var found []report.Diagnostic
	for _, f := range p.diff.Functions {
		if !f.Patch {
			continue
		}
		t, d := p.owner.Replaced(f, p.proof)
		if d != nil {
			found = append(found, *d)
			continue
		}
		targets[f] = t
	}
	return targets, found
}

// finding returns a finding of a stage about a source file.
func finding(code diag.Code, source, hint, format string, args ...any) report.Diagnostic {
	message := fmt.Sprintf(format, args...)
	return report.Found(report.Diagnostic{Code: code, Source: source, Message: message, Hint: hint})
}
