// Package elfobj is the model of an ELF relocatable object. Objects are read and written without
// loss. Symbols and sections are pointers; indices exist only while reading and writing.
//
// The fields have the meaning of the System V gABI, chapter "Object Files".
package elfobj

import (
	"debug/elf"
	"encoding/binary"
)

// File is one relocatable object (ET_REL).
type File struct {
	Class      elf.Class
	ByteOrder  binary.ByteOrder
	OSABI      elf.OSABI
	ABIVersion uint8
	Machine    elf.Machine
	Entry      uint64 // e_entry, nonzero only after ld -r -e
	Flags      uint32 // e_flags

	// Sections in file order. The null section, the symbol table, its string table,
	// SHT_SYMTAB_SHNDX and the section name table exist only in the written form.
	Sections []*Section
	// Symbols in file order, without the null symbol. Write puts local symbols first, as the gABI
	// demands, and otherwise keeps the order.
	Symbols []*Symbol
}

// Section is one section. Relocation sections are sections too, because a section of a sealed
// livepatch has several of them.
type Section struct {
	Name    string
	Type    elf.SectionType
	Flags   elf.SectionFlag // never SHF_COMPRESSED: contents are held uncompressed
	Addr    uint64          // sh_addr: nonzero only if a linker script forgot to zero it
	Align   uint64
	EntSize uint64

	Data []byte // contents; nil for SHT_NOBITS, SHT_RELA, SHT_REL, SHT_GROUP
	Size uint64 // SHT_NOBITS: size in bytes; Write uses len(Data) for all others

	Link       *Section // sh_link if it names a section of this file, else nil
	LinkSymtab bool     // sh_link names the symbol table; implied by SHT_RELA, SHT_REL, SHT_GROUP
	Info       uint32   // sh_info if it does not name a section

	// Target is the section that sh_info names, or nil. In SHT_RELA and SHT_REL it is the section
	// that Relocs change. Other sections have a Target only with SHF_INFO_LINK.
	Target *Section
	Relocs []Reloc // SHT_RELA, SHT_REL: in file order

	Members    []*Section // SHT_GROUP
	GroupFlags uint32     // SHT_GROUP: GRP_COMDAT
	Signature  *Symbol    // SHT_GROUP

	Compressed elf.CompressionType // compression in the file; Write uses it again
}

// Symbol is one symbol table entry.
type Symbol struct {
	Name  string
	Value uint64
	Size  uint64
	Bind  elf.SymBind
	Type  elf.SymType
	Other uint8 // st_other: visibility and the architecture's bits

	// Section defines the symbol. It is nil for a reserved Index.
	Section *Section
	// Index is SHN_UNDEF, SHN_ABS, SHN_COMMON or another reserved index (SHN_LIVEPATCH 0xff20).
	// Index has no meaning if Section is not nil.
	Index elf.SectionIndex
}

// Reloc is one relocation. In SHT_REL sections Addend is zero, and the addend stays in the
// section's bytes.
type Reloc struct {
	Offset uint64
	Type   uint32  // the architecture's number, e.g. uint32(elf.R_X86_64_PC32)
	Sym    *Symbol // nil: the null symbol
	Addend int64
}

// SHNLivepatch marks a symbol that the livepatch core resolves
// (Documentation/livepatch/module-elf-format.rst).
const SHNLivepatch elf.SectionIndex = 0xff20

// SHFRelaLivepatch marks a relocation section that the livepatch core applies
// (include/uapi/linux/elf.h).
const SHFRelaLivepatch elf.SectionFlag = 0x00100000

// Undefined reports whether s is undefined in this object.
func (s *Symbol) Undefined() bool { return s.Section == nil && s.Index == elf.SHN_UNDEF }

// Section returns the first section called name, or nil.
func (f *File) Section(name string) *Section {
	for _, s := range f.Sections {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// RelocSections returns the relocation sections of each section, in file order.
func (f *File) RelocSections() map[*Section][]*Section {
	index := make(map[*Section][]*Section)
	for _, s := range f.Sections {
		if isRelocs(s.Type) && s.Target != nil {
			index[s.Target] = append(index[s.Target], s)
		}
	}
	return index
}

// SectionSymbols returns the first STT_SECTION symbol of each section. A section can have none:
// assemblers omit section symbols that nothing refers to.
func (f *File) SectionSymbols() map[*Section]*Symbol {
	index := make(map[*Section]*Symbol)
	for _, s := range f.Symbols {
		if s.Type == elf.STT_SECTION && s.Section != nil && index[s.Section] == nil {
			index[s.Section] = s
		}
	}
	return index
}

// Len returns the size of s in memory, in bytes. It is defined for SHT_NOBITS too.
func (s *Section) Len() uint64 {
	if hasContents(s.Type) {
		return uint64(len(s.Data))
	}
	return s.Size
}

// infoIsSection reports whether sh_info of s names a section.
func (s *Section) infoIsSection() bool {
	return isRelocs(s.Type) || s.Flags&elf.SHF_INFO_LINK != 0
}
