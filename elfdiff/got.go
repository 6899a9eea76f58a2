package elfdiff

import (
	"debug/elf"
	"slices"

	"kintsugi/internal/elfobj"
)

// ungot makes a reference through the global offset table a direct one, as
// the linker of a kernel does: modules have no such table
// (apply_relocate_add, arch/x86/kernel/module.c). Where the instruction is
// none that can be rewritten, the reference stays, and its code cannot travel.
func (o *Object) ungot(a *Atom, field *Ref, sym *elfobj.Symbol) {
	if !o.kinds[field.Type].got {
		return
	}
	if a.Section.Flags&elf.SHF_EXECINSTR == 0 || o.arch.ungot == nil || missing(sym) {
		a.got = true
		return
	}
	if a.code == nil {
		a.code = slices.Clone(a.Bytes())
	}
	a.got = !o.arch.ungot(a.code, field) || a.got
}

// missing reports whether a symbol is one that may be defined nowhere: a table
// can say so, an instruction cannot.
func missing(sym *elfobj.Symbol) bool {
	return sym == nil || sym.Undefined() && sym.Bind == elf.STB_WEAK
}

// x86Ungot rewrites the instruction that field is in (System V psABI for
// x86-64, "Optimize GOTPCRELX relocations"): mov to lea, call and jmp through
// memory to direct ones of the same length.
func x86Ungot(code []byte, field *Ref) bool {
	at := int(field.Off)
	if at < 2 || at+4 > len(code) || field.Bias != -4 {
		return false
	}
	switch op, modrm := code[at-2], code[at-1]; {
	case op == 0x8b && modrm&0xc7 == 0x05:
		code[at-2], field.Type = 0x8d, uint32(elf.R_X86_64_PC32)
	case op == 0xff && modrm == 0x15:
		code[at-2], code[at-1] = 0x67, 0xe8 // the prefix says nothing here
		field.Type, field.Branch = uint32(elf.R_X86_64_PLT32), true
	case op == 0xff && modrm == 0x25:
		copy(code[at-2:], []byte{0xe9, 0, 0, 0, 0, 0x90})
		field.Off, field.Type, field.Branch = field.Off-1, uint32(elf.R_X86_64_PLT32), true
	default:
		return false
	}
	return true
}
