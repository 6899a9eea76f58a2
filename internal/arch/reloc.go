package arch

import (
	"slices"
	"strings"
)

// Reloc describes what a relocation of one type writes.
type Reloc struct {
	Known    bool  // true in RelocList; a zero Reloc is a type that the machine does not have
	Size     uint8 // size of the field in bytes; 0: it changes nothing, or only what others at its place change
	PCRel    bool  // the value is relative to the field's own address
	Unsigned bool  // a field of less than 8 bytes is zero-extended, not sign-extended
	GOT      bool  // the value is an entry of the global offset table
	// Branch marks fields of direct calls and jumps. It is used if Code.Decode is nil.
	Branch bool
	// Bias is the distance from the field to the address that the instruction counts from. The
	// assembler has put it into the addend. It is for code, and used if Code.Decode is nil.
	Bias int8
}

// RelocList returns the relocations as a list indexed by type. Indexing is faster than a map, and
// every relocation of an object is looked up.
func (a *Arch) RelocList() []Reloc {
	var list []Reloc
	for typ, r := range a.Relocs {
		r.Known = true
		list = append(list, make([]Reloc, max(0, int(typ)+1-len(list)))...)
		list[typ] = r
	}
	return list
}

// Symbols are names of symbols with a special meaning.
type Symbols struct {
	// Mapping are symbols that mark the kind of the contents that follow, and name nothing. They
	// may have a suffix after a dot ($x, $d.1).
	Mapping []string
	// Linker are undefined symbols that the linker itself defines.
	Linker []string
	// Runtime are prefixes of symbols that compilers make code refer to everywhere.
	Runtime []string
	// Silent are those that get no argument from the code.
	Silent []string
}

// IsRuntime reports whether compilers of any architecture make code refer to symbol everywhere.
// Such a reference does not identify a place.
func IsRuntime(symbol string) bool {
	return slices.ContainsFunc(all, func(a *Arch) bool {
		return slices.ContainsFunc(a.Symbols.Runtime, func(prefix string) bool { return strings.HasPrefix(symbol, prefix) })
	})
}
