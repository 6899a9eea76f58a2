package disasm

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"testing"

	"kintsugi/elfdiff"
	"kintsugi/internal/elfobj"
)

// FuzzCompare prints any two pieces of code, with relocations anywhere. Every byte must be in one
// line, every line in one row.
func FuzzCompare(f *testing.F) {
	f.Add([]byte("\xe8\x00\x00\x00\x00\x0f\x01\xcb\xc3"), []byte("\xe8\x00\x00\x00\x00\x90\xeb\xfd"), []byte{1, 2})
	f.Add([]byte("\x48\xc7\x05\x00\x00\x00\x00\x00\x00\x00\x00\xc3"),
		[]byte("\x0f\x78\xc2\xc4\xe2\x7d\x59\x05\x00\x00\x00\x00"), []byte{3, 2, 7, 11})
	f.Add([]byte("\x62\xf1\x7c\x48\x58\x05\x01\x02\x03\x04"), []byte("\x66\x2e\x0f\x1f\x84\x00\x00\x00\x00\x00\x74\xf0"),
		[]byte{})
	f.Fuzz(func(t *testing.T, old, new, relocs []byte) {
		if len(old) > 1<<12 || len(new) > 1<<12 {
			return
		}
		r, err := elfdiff.Diff(object(old, relocs), object(new, relocs))
		if err != nil {
			return
		}
		for _, f := range r.Patched.Functions() {
			if r.Pairs.Twin(f) == nil {
				continue
			}
			twin := r.Pairs.Twin
			a, b := Function(r.Orig, twin(f), nil, twin), Function(r.Patched, f, nil, twin)
			checkLines(t, a)
			checkLines(t, b)
			rows := Compare(a, b)
			checkRows(t, rows, a, b)
			var out bytes.Buffer
			Unified(&out, rows)
			SideBySide(&out, rows, 120)
		}
	})
}

func checkLines(t *testing.T, lines []Line) {
	for i, l := range lines {
		if i == 0 && l.Off != 0 || i > 0 && (l.Off <= lines[i-1].Off || l.Off > lines[i-1].Off+15) {
			t.Fatalf("line %d is at %#x", i, l.Off)
		}
	}
}

func checkRows(t *testing.T, rows []Row, a, b []Line) {
	for _, r := range rows {
		if r.Old == nil && r.New == nil || r.Same && (r.Old == nil || r.New == nil) {
			t.Fatalf("row %+v", r)
		}
		if r.Old != nil {
			if len(a) == 0 || r.Old != &a[0] {
				t.Fatal("old lines are out of order")
			}
			a = a[1:]
		}
		if r.New != nil {
			if len(b) == 0 || r.New != &b[0] {
				t.Fatal("new lines are out of order")
			}
			b = b[1:]
		}
	}
	if len(a)+len(b) > 0 {
		t.Fatalf("%d lines are in no row", len(a)+len(b))
	}
}

// object has one function with the given code. Two bytes of relocs make one relocation.
func object(code, relocs []byte) *elfobj.File {
	text := &elfobj.Section{Name: ".text", Type: elf.SHT_PROGBITS, Flags: elf.SHF_ALLOC | elf.SHF_EXECINSTR, Align: 16,
		Data: code}
	strs := &elfobj.Section{Name: ".rodata.str1.1", Type: elf.SHT_PROGBITS,
		Flags: elf.SHF_ALLOC | elf.SHF_MERGE | elf.SHF_STRINGS, Align: 1, EntSize: 1,
		Data: []byte("one\x00\x1b[2J\x00")}
	symbols := []*elfobj.Symbol{
		{Type: elf.STT_SECTION, Section: strs},
		{Name: "f", Type: elf.STT_FUNC, Bind: elf.STB_GLOBAL, Section: text, Size: uint64(len(code))},
		{Name: "ext\n_ZN3foo3barEv", Bind: elf.STB_GLOBAL},
	}
	rela := &elfobj.Section{Name: ".rela.text", Type: elf.SHT_RELA, Align: 8, EntSize: 24, Target: text}
	types := []elf.R_X86_64{elf.R_X86_64_PC32, elf.R_X86_64_32S, elf.R_X86_64_PLT32, elf.R_X86_64_64, elf.R_X86_64_8}
	for ; len(relocs) >= 2; relocs = relocs[2:] {
		n := int(relocs[1])
		rela.Relocs = append(rela.Relocs, elfobj.Reloc{Offset: uint64(relocs[0]), Type: uint32(types[n%len(types)]),
			Sym: symbols[n%3], Addend: int64(n%16) - 4})
	}
	return &elfobj.File{Class: elf.ELFCLASS64, ByteOrder: binary.LittleEndian, Machine: elf.EM_X86_64, Symbols: symbols,
		Sections: []*elfobj.Section{text, rela, strs}}
}
