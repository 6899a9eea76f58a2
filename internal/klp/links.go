package klp

import (
	"debug/elf"
	"fmt"
	"slices"

	"kintsugi/internal/diag"
	"kintsugi/internal/elfobj"
	"kintsugi/internal/extract"
	"kintsugi/internal/report"
)

// Link is the meaning of an undefined symbol of the linked module.
type Link struct {
	Symbol Symbol // that the livepatch core looks up
	// Awaits is the object that must be loaded before the references are relocated:
	// the patched object, or vmlinux for symbols of the kernel, which is always
	// loaded (klp_resolve_symbols, kernel/livepatch/core.c).
	Awaits string
}

// Links has the links of a module by link name: the name of an undefined symbol
// between the stages link and seal. Nothing is read from the name itself.
type Links map[string]Link

// add adds the reference of patched's code to s, and returns its link name: the
// livepatch name of s. If code of two modules refers to the same symbol of a third
// module, the name of the patched module is appended.
func (l Links) add(s Symbol, patched string) string {
	link, name := Link{Symbol: s, Awaits: patched}, s.String()
	switch s.Object {
	case Vmlinux:
		link.Awaits = Vmlinux
	case patched:
	default:
		name += ":" + patched
	}
	l[name] = link
	return name
}

// Naming gives the link name of a global symbol that the patch itself adds. ok
// is false for any other symbol.
type Naming func(name string) (link string, ok bool)

// Resolution has the resolved references of a unit.
type Resolution struct {
	References  []report.Reference
	Namespaces  []string // of exports, to be imported
	Diagnostics []report.Diagnostic

	// Names are the names of symbols in the module, if they differ from those in the
	// extracted object.
	Names map[*elfobj.Symbol]string
	Links Links // of the undefined symbols
}

// bind names the symbol of e, to which ref refers.
func (r *Resolution) bind(e *extract.External, ref *report.Reference, patched string) {
	if ref.Kind == report.Export {
		r.Names[e.Sym] = ref.Symbol
		return
	}
	r.Names[e.Sym] = r.Links.add(Symbol{Object: ref.Object, Name: ref.Symbol, Pos: ref.SymPos}, patched)
}

// bindAdded names the global symbols of f that the patch adds.
func (r *Resolution) bindAdded(f *elfobj.File, added Naming) {
	for _, s := range f.Symbols {
		if _, bound := r.Names[s]; bound || s.Bind != elf.STB_GLOBAL {
			continue
		}
		if name, ok := added(s.Name); ok {
			r.Names[s] = name
		}
	}
}

// TooLate refuses code of a module that the kernel reads when the livepatch is
// loaded, although its addresses are filled in only when the module is loaded. f
// is the extracted object of r.
func (r *Resolution) TooLate(f *elfobj.File) []report.Diagnostic {
	var diags []report.Diagnostic
	for _, s := range f.Sections {
		if s.Type != elf.SHT_RELA || s.Target == nil || !slices.Contains(early, s.Target.Name) {
			continue
		}
		for _, reloc := range s.Relocs {
			link, ok := r.Links[r.Names[reloc.Sym]]
			if !ok || link.Symbol.Object == Vmlinux {
				continue
			}
			diags = append(diags, report.Found(report.Diagnostic{Code: diag.LateReference, Symbol: link.Symbol.Name,
				Message: fmt.Sprintf("code in %s refers to %s of the module %s, which may be loaded after the kernel reads it",
					s.Target.Name, link.Symbol.Name, link.Symbol.Object),
				Hint: "Make the change in functions without such code, or call these functions through a pointer."}))
		}
	}
	return diags
}
