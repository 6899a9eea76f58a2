package arch

import (
	"slices"
	"strings"
)

// Reloc is what a relocation of one type writes.
type Reloc struct {
	Known    bool  // in the lists of RelocList; a zero Reloc is of a type that the machine does not have
	Size     uint8 // bytes of the field; 0: it changes nothing, or what others at its place change
	PCRel    bool  // the value counts from the field's own address
	Unsigned bool  // a field of less than 8 bytes is extended with zeroes, not with its sign
	GOT      bool  // the value is an entry of the global offset table, which the linker makes
	// Branch marks the fields of direct calls and jumps, where no instruction is decoded.
	Branch bool
	// Bias is the distance from the field to where the instruction counts from,
	// which the assembler has put into the addend. It is for code, where no
	// instruction is decoded.
	Bias int8
}

// RelocList returns the relocations as a list, by type. A list is faster than
// Relocs where every relocation of an object is looked up.
func (a *Arch) RelocList() []Reloc {
	var list []Reloc
	for typ, r := range a.Relocs {
		r.Known = true
		list = append(list, make([]Reloc, max(0, int(typ)+1-len(list)))...)
		list[typ] = r
	}
	return list
}

// Symbols are names of symbols with a meaning of their own.
type Symbols struct {
	// Mapping are symbols that mark what kind of contents begins, and name
	// nothing. They are also followed by a dot and anything ($x, $d).
	Mapping []string
	// Linker are undefined symbols that the linker itself defines.
	Linker []string
	// Runtime are prefixes of what compilers have code refer to everywhere.
	Runtime []string
}

// IsRuntime reports whether compilers of any architecture have code refer to
// symbol everywhere, so that a reference to it tells no place.
func IsRuntime(symbol string) bool {
	return slices.ContainsFunc(all, func(a *Arch) bool {
		return slices.ContainsFunc(a.Symbols.Runtime, func(prefix string) bool { return strings.HasPrefix(symbol, prefix) })
	})
}
