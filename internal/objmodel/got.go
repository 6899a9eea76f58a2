package objmodel

import (
	"debug/elf"
	"slices"

	"kintsugi/internal/arch"
	"kintsugi/internal/elfobj"
)

// relaxGOT makes a reference through the global offset table direct, like the kernel's linker:
// modules have no such table (apply_relocate_add in the module loader). If the instruction cannot
// be rewritten, the reference stays, and its code cannot be moved.
func (o *Object) relaxGOT(a *Atom, field *Ref, sym *elfobj.Symbol) {
	if !o.relocs[field.Type].GOT {
		return
	}
	if a.Section.Flags&elf.SHF_EXECINSTR == 0 || o.Arch.Code.RelaxGOT == nil || missing(sym) {
		a.NeedsGOT = true
		return
	}
	if a.code == nil {
		a.code = slices.Clone(a.Bytes())
	}
	f := arch.Field{Off: field.Off, Type: field.Type, Bias: field.Bias, Branch: field.Branch}
	if !o.Arch.Code.RelaxGOT(a.code, &f) {
		a.NeedsGOT = true
	}
	field.Off, field.Type, field.Branch = f.Off, f.Type, f.Branch
}

// missing reports whether a symbol may be undefined everywhere. An entry of the table can then be
// null, but an instruction cannot.
func missing(sym *elfobj.Symbol) bool {
	return sym == nil || sym.Undefined() && sym.Bind == elf.STB_WEAK
}
