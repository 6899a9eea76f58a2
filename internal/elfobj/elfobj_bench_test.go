package elfobj

import (
	"debug/elf"
	"encoding/binary"
	"fmt"
	"testing"
)

// generated returns an object with the proportions of a large kernel module that was compiled with
// -ffunction-sections: per function a section, a symbol, a relocation section and twenty
// relocations.
func generated(functions int) *File {
	f := &File{Class: elf.ELFCLASS64, ByteOrder: binary.LittleEndian, Machine: elf.EM_X86_64}
	for i := range functions {
		name := fmt.Sprintf("driver_function_%d", i)
		text := &Section{Name: ".text." + name, Type: elf.SHT_PROGBITS, Flags: elf.SHF_ALLOC | elf.SHF_EXECINSTR,
			Align: 16, Data: make([]byte, 600)}
		rela := &Section{Name: ".rela" + text.Name, Type: elf.SHT_RELA, Flags: elf.SHF_INFO_LINK, Align: 8,
			EntSize: relaSize, Target: text, Relocs: make([]Reloc, 20)}
		f.Sections = append(f.Sections, text, rela)
		f.Symbols = append(f.Symbols, &Symbol{Name: name, Bind: elf.STB_GLOBAL, Type: elf.STT_FUNC, Size: 600, Section: text})
	}
	for i, s := range f.Sections {
		for n := range s.Relocs {
			sym := f.Symbols[(i*7+n*31)%len(f.Symbols)]
			s.Relocs[n] = Reloc{Offset: uint64(30 * n), Type: uint32(elf.R_X86_64_PLT32), Sym: sym, Addend: -4}
		}
	}
	return f
}

// The sizes double, so a time that is not linear shows.
func BenchmarkRead(b *testing.B) {
	for _, functions := range []int{1000, 2000, 4000, 8000, 16000} {
		data := mustWrite(b, generated(functions))
		b.Run(fmt.Sprintf("%dKiB", len(data)>>10), func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				mustRead(b, data)
			}
		})
	}
}

func BenchmarkWrite(b *testing.B) {
	for _, functions := range []int{1000, 2000, 4000, 8000, 16000} {
		f := generated(functions)
		size := len(mustWrite(b, f))
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				mustWrite(b, f)
			}
		})
	}
}
