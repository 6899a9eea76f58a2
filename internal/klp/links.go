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

// Link is what an undefined symbol of the linked module stands for.
type Link struct {
	Symbol Symbol // that the livepatch core looks up
	// Awaits is the object that must be there before the references are
	// relocated: the patched object, or vmlinux for the kernel's own symbols, which
	// are there already (klp_resolve_symbols, kernel/livepatch/core.c).
	Awaits string
}

// Links has the links of a module by link name, which is the name of an
// undefined symbol from link to seal. Nothing is read from the name itself.
type Links map[string]Link

// add puts the reference of patched's code to s into l and returns its link
// name. This is the name that s has in a livepatch; code of two modules can
// refer to the same symbol of a third one, and then the patched one is added.
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

// Resolution is what became of the references of one unit.
type Resolution struct {
	References  []report.Reference
	Namespaces  []string // of exports, to be imported
	Diagnostics []report.Diagnostic

	// Names are the names that symbols of the extracted object have in the
	// module, where they differ from those in the object.
	Names map[*elfobj.Symbol]string
	Links Links // of the undefined ones
}

// bind names the symbol of e, which ref is the reference to.
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
// loaded, and that gets addresses only when the module comes. f is the extracted
// object that r is for.
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
				Message: fmt.Sprintf("code in %s refers to %s of the module %s, and the kernel reads it before that module comes",
					s.Target.Name, link.Symbol.Name, link.Symbol.Object),
				Hint: "Make the change in functions without such code, or call them through a pointer."}))
		}
	}
	return diags
}
