package elfobj

import (
	"debug/elf"
	"encoding/binary"
	"strings"
	"testing"

	"kintsugi/internal/fault"
)

// Section numbers in sample's file. Sections count from 1; the tables follow them.
const (
	group   = 1
	text    = 2
	rela    = 3
	debug   = 6
	order   = 8
	about   = 10
	symtab  = 12
	strtab  = 13
	nameTab = 14
)

// image is a written sample in which single fields are broken.
type image []byte

func (b image) header(section int) []byte {
	return b[binary.LittleEndian.Uint64(b[40:])+uint64(section*sectionSize):]
}

func (b image) contents(section int) []byte {
	return b[binary.LittleEndian.Uint64(b.header(section)[24:]):]
}

func set16(b []byte, v uint16) { binary.LittleEndian.PutUint16(b, v) }
func set32(b []byte, v uint32) { binary.LittleEndian.PutUint32(b, v) }
func set64(b []byte, v uint64) { binary.LittleEndian.PutUint64(b, v) }

func TestReadErrors(t *testing.T) {
	const (
		shType, shFlags, shOff, shSize, shLink, shInfo, shAlign, shEntSize = 4, 8, 24, 32, 40, 44, 48, 56
	)
	tests := []struct {
		want  string
		broke func(b image)
	}{
		{"no ELF magic", func(b image) { b[1] = 'e' }},
		{"only 64-bit objects", func(b image) { b[elf.EI_CLASS] = byte(elf.ELFCLASS32) }},
		{"byte order", func(b image) { b[elf.EI_DATA] = 3 }},
		{"version 2 is unknown", func(b image) { set32(b[20:], 2) }},
		{"ET_DYN: not a relocatable object", func(b image) { set16(b[16:], uint16(elf.ET_DYN)) }},
		{"program headers", func(b image) { set16(b[56:], 1) }},
		{"MIPS", func(b image) { set16(b[18:], uint16(elf.EM_MIPS)) }},
		{"section headers of 40 bytes", func(b image) { set16(b[58:], 40) }},
		{"header table at 0x1000000 is outside", func(b image) { set64(b[40:], 1<<24) }},
		{"no section header table", func(b image) { set64(b[40:], 0) }},
		{"60000 section headers at", func(b image) { set16(b[60:], 60000) }},
		{"0 section headers at", func(b image) { set16(b[60:], 0) }},
		{"section name table is section 15 of 15", func(b image) { set16(b[62:], 15) }},
		{"section names: section 2 (SHT_PROGBITS) is not a plain string table", func(b image) { set16(b[62:], text) }},
		{"section 2: 0x7fffffffffffffff bytes at", func(b image) { set64(b.header(text)[shSize:], 1<<63-1) }},
		{"section 2: 0x10 bytes at 0xffffffffffffffff are outside", func(b image) { set64(b.header(text)[shOff:], 1<<64-1) }},
		{"contents overlap", func(b image) {
			for i := text; i < nameTab; i++ {
				set64(b.header(i)[shOff:], 0)
				set64(b.header(i)[shSize:], 1000)
			}
		}},
		{"section 2: name at 0xffff is outside", func(b image) { set32(b.header(text), 0xffff) }},
		{"section 1: name at 0x1 has no end", func(b image) { set64(b.header(nameTab)[shSize:], 2) }},
		{"section 2 (.text): alignment 0x3", func(b image) { set64(b.header(text)[shAlign:], 3) }},
		{"second section of type SHT_SYMTAB", func(b image) { set32(b.header(text)[shType:], uint32(elf.SHT_SYMTAB)) }},
		{"section 2 (.text): no compression header", func(b image) { b.header(text)[shFlags+1] |= 8 }},
		{"section 5 (.bss): a section of type SHT_NOBITS cannot be compressed",
			func(b image) { b.header(5)[shFlags+1] |= 8 }},
		{"section 6 (.debug_info): COMPRESS_ZLIB: ", func(b image) { b.contents(debug)[chdrSize+4] ^= 0xff }},
		{"section 6 (.debug_info): COMPRESS_ZSTD+7: compression is unknown", func(b image) { set32(b.contents(debug), 9) }},
		{"header's size of 4999 bytes", func(b image) { set64(b.contents(debug)[8:], 4999) }},
		{"header's size of 5001 bytes", func(b image) { set64(b.contents(debug)[8:], 5001) }},
		{"compressed bytes cannot expand to 1073741824", func(b image) { set64(b.contents(debug)[8:], 1<<30) }},
		{"more than 1073741824 bytes", func(b image) { set64(b.contents(debug)[8:], 1<<63) }},
		{"no compression header", func(b image) { set64(b.header(debug)[shSize:], 23) }},
		{"sh_link: section 99 of 15", func(b image) { set32(b.header(order)[shLink:], 99) }},
		{"sh_link: section 13 (SHT_STRTAB) cannot be referred to", func(b image) { set32(b.header(order)[shLink:], strtab) }},
		{"section 10 (about): sh_info: section 12 (SHT_SYMTAB)", func(b image) { set32(b.header(about)[shInfo:], symtab) }},
		{"section 3 (.rela.text): sh_info: section 15 of 15", func(b image) { set32(b.header(rela)[shInfo:], 15) }},
		{"section 3 (.rela.text): sh_link 2 is not the symbol table", func(b image) { set32(b.header(rela)[shLink:], 2) }},
		{"section 3 (.rela.text): SHT_RELA section of 72 bytes in entries of 16, want 24",
			func(b image) { set64(b.header(rela)[shEntSize:], 16) }},
		{"section of 71 bytes", func(b image) { set64(b.header(rela)[shSize:], 71) }},
		{"section 3 (.rela.text): relocation 1: symbol 7 of 7", func(b image) { set32(b.contents(rela)[relaSize+12:], 7) }},
		{"section 1 (.group): signature: symbol 4294967295 of 7", func(b image) { set32(b.header(group)[shInfo:], 1<<32-1) }},
		{"section 1 (.group): member 1: section 0", func(b image) { set32(b.contents(group)[8:], 0) }},
		{"section 1 (.group): section group of 3 bytes", func(b image) { set64(b.header(group)[shSize:], 3) }},
		{"section 1 (.group): sh_link 0", func(b image) { set32(b.header(group)[shLink:], 0) }},
		{"SHT_SYMTAB section of 168 bytes in entries of 16", func(b image) { set64(b.header(symtab)[shEntSize:], 16) }},
		{"SHT_SYMTAB section is compressed",
			func(b image) { b.header(symtab)[shFlags+1] |= 8 }},
		{"symbol names: string table is section 99 of 15", func(b image) { set32(b.header(symtab)[shLink:], 99) }},
		{"symbol 0 is not null", func(b image) { b.contents(symtab)[8] = 1 }},
		{"symbol 3 (f): section 99 of 15", func(b image) { set16(b.contents(symtab)[3*symbolSize+6:], 99) }},
		{"symbol 3 (f): section 13 (SHT_STRTAB) cannot",
			func(b image) { set16(b.contents(symtab)[3*symbolSize+6:], strtab) }},
		{"symbol 3 (f): extended section number, but no",
			func(b image) { set16(b.contents(symtab)[3*symbolSize+6:], 0xffff) }},
	}
	for _, test := range tests {
		data := mustWrite(t, sample())
		test.broke(data)
		_, err := Read(data)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("error %v, want one with %q", err, test.want)
		} else if fault.ClassOf(err) != fault.Input {
			t.Errorf("%v: class %v, want Input", err, fault.ClassOf(err))
		}
	}
}

func TestReadTruncated(t *testing.T) {
	data := mustWrite(t, sample())
	for n := range data {
		if _, err := Read(data[:n]); err == nil {
			t.Errorf("%d of %d bytes were read", n, len(data))
		}
	}
}

// The names of a hostile file can share one long string. Reading must not take the square of its
// length.
func TestReadOverlappingNames(t *testing.T) {
	f := sample()
	long := &Symbol{Name: strings.Repeat("x", 1<<20)}
	f.Symbols = append(f.Symbols, long)
	for range 1 << 12 {
		f.Symbols = append(f.Symbols, &Symbol{Name: long.Name})
	}
	_, err := Read(mustWrite(t, f))
	if err == nil || !strings.Contains(err.Error(), "names of more than 512 bytes") {
		t.Errorf("error %v", err)
	}
}

func TestWriteErrors(t *testing.T) {
	elsewhere := &Section{Name: "elsewhere", Type: elf.SHT_PROGBITS}
	stranger := &Symbol{Name: "stranger"}
	tests := []struct {
		want  string
		broke func(f *File)
	}{
		{"ELFCLASS32", func(f *File) { f.Class = elf.ELFCLASS32 }},
		{"byte order <nil>", func(f *File) { f.ByteOrder = nil }},
		{"section 1 is nil", func(f *File) { f.Sections[0] = nil }},
		{"section .text is listed twice", func(f *File) { f.Sections = append(f.Sections, f.Sections[text-1]) }},
		{"symbol 3 is nil", func(f *File) { f.Symbols[2] = nil }},
		{"symbol f is listed twice", func(f *File) { f.Symbols = append(f.Symbols, f.Symbols[2]) }},
		{"section order: sh_link: section elsewhere is not in the file",
			func(f *File) { f.Sections[order-1].Link = elsewhere }},
		{"section .rela.text: sh_info: section elsewhere", func(f *File) { f.Sections[rela-1].Target = elsewhere }},
		{"section .rela.text: relocation 0: symbol stranger", func(f *File) { f.Sections[rela-1].Relocs[0].Sym = stranger }},
		{"section .rela.text: sh_link: refers to both", func(f *File) { f.Sections[rela-1].Link = f.Sections[text-1] }},
		{"section .rela.text: sh_info: names a section: set Target", func(f *File) { f.Sections[rela-1].Info = 2 }},
		{"addend in a SHT_REL section", func(f *File) { f.Sections[6].Relocs[0].Addend = 1 }},
		{"section .group: member 0: section elsewhere", func(f *File) { f.Sections[group-1].Members[0] = elsewhere }},
		{"section .group: member 1 is nil", func(f *File) { f.Sections[group-1].Members[1] = nil }},
		{"section .group: sh_info: signature symbol stranger", func(f *File) { f.Sections[group-1].Signature = stranger }},
		{"symbol f: section elsewhere", func(f *File) { f.Symbols[2].Section = elsewhere }},
		{"symbol a.c: section index 0x5", func(f *File) { f.Symbols[0].Index = 5 }},
		{"symbol a.c: section index 0xffff", func(f *File) { f.Symbols[0].Index = elf.SHN_XINDEX }},
		{"symbol f: binding 16", func(f *File) { f.Symbols[2].Bind = 16 }},
		{"null byte", func(f *File) { f.Symbols[2].Name = "f\x00g" }},
		{"null byte", func(f *File) { f.Sections[text-1].Name = "f\x00g" }},
		{"section .text: alignment 0x18", func(f *File) { f.Sections[text-1].Align = 24 }},
		{"section .text: sections of type SHT_PROGBITS have no Relocs",
			func(f *File) { f.Sections[text-1].Relocs = make([]Reloc, 1) }},
		{"section .bss: sections of type SHT_NOBITS have no Data", func(f *File) { f.Sections[4].Data = []byte{1} }},
		{"section .text: sh_info: sections of type SHT_PROGBITS without",
			func(f *File) { f.Sections[text-1].Target = f.Sections[0] }},
		{"section .text: flag SHF_COMPRESSED", func(f *File) { f.Sections[text-1].Flags |= elf.SHF_COMPRESSED }},
		{"section .debug_info: compression COMPRESS_ZSTD+5 is unknown", func(f *File) { f.Sections[debug-1].Compressed = 7 }},
	}
	for _, test := range tests {
		f := sample()
		test.broke(f)
		_, err := f.Write()
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("error %v, want one with %q", err, test.want)
		} else if fault.ClassOf(err) != fault.Bug {
			t.Errorf("%v: class %v, want Bug", err, fault.ClassOf(err))
		}
	}
}
