package elfdiff_test

import (
	"debug/elf"
	"encoding/binary"
	"slices"
	"testing"

	"kintsugi/elfdiff"
	"kintsugi/internal/elfobj"
	"kintsugi/internal/extract"
)

// TestLoong64Relaxed has what an assembler emits for a relaxing linker: a permission to relax
// beside each address, alignment in the padding, and differences of two places as two relocations.
func TestLoong64Relaxed(t *testing.T) {
	i := slices.IndexFunc(machines, func(m machine) bool { return m.machine == elf.EM_LOONGARCH })
	m := machines[i]
	orig, patched := swap(manySided, `printk("last");`, `printk("final");`)
	object := func(source string, flag uint16) *elfobj.File {
		f := m.compile(t, source)
		relax(f)
		addBug(f, "last", flag)
		return f
	}
	for _, test := range []struct {
		name string
		a, b *elfobj.File
		want []string
	}{
		{"the same", object(orig, 1), object(orig, 1), nil},
		{"a changed string", object(orig, 1), object(patched, 1), []string{"last"}},
		{"only the flag of a WARN", object(orig, 1), object(orig, 3), []string{"last"}},
	} {
		r, err := elfdiff.Diff(test.a, test.b)
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		functions, data, refused := summary(r)
		if !slices.Equal(functions, test.want) || len(data)+len(refused) > 0 {
			t.Errorf("%s: functions %v, data %v, diagnostics %v", test.name, functions, data, r.Diagnostics)
		}
		if len(test.want) == 0 {
			continue
		}
		x, err := extract.Cut(r, extract.Options{Prefix: "klp_"})
		if err != nil {
			t.Fatal(err)
		}
		types := relocTypes(x.File, "__bug_table")
		if want := []elf.R_LARCH{elf.R_LARCH_ADD32, elf.R_LARCH_SUB32}; !slices.Equal(types, want) {
			t.Errorf("%s: relocations of the entry: %v, want %v", test.name, types, want)
		}
		if got, want := relocTypes(x.File, ".text.last"),
			relocTypes(test.b, ".text.last"); !slices.Equal(got, want[:len(want)-1]) {
			t.Errorf("%s: relocations of the function: %v, want %v", test.name, got, want)
		}
	}
}

func relocTypes(f *elfobj.File, section string) []elf.R_LARCH {
	var types []elf.R_LARCH
	for _, s := range f.Sections {
		if s.Target != nil && s.Target.Name == section {
			for _, r := range s.Relocs {
				types = append(types, elf.R_LARCH(r.Type))
			}
		}
	}
	return types
}

// relax adds a permission to relax to every relocation of code, and padding after every function.
func relax(f *elfobj.File) {
	for _, s := range f.Sections {
		if s.Target == nil || s.Target.Flags&elf.SHF_EXECINSTR == 0 {
			continue
		}
		var relocs []elfobj.Reloc
		for _, r := range s.Relocs {
			relocs = append(relocs, r, elfobj.Reloc{Offset: r.Offset, Type: uint32(elf.R_LARCH_RELAX)})
		}
		end := uint64(len(s.Target.Data))
		s.Relocs = append(relocs, elfobj.Reloc{Offset: end, Type: uint32(elf.R_LARCH_ALIGN), Addend: 12})
		for range 3 {
			s.Target.Data = append(s.Target.Data, 0, 0, 0x40, 3) // nop
		}
	}
}

// addBug adds an entry of __bug_table whose address is a difference.
func addBug(f *elfobj.File, function string, flag uint16) {
	table := &elfobj.Section{Name: "__bug_table", Type: elf.SHT_PROGBITS, Flags: elf.SHF_ALLOC | elf.SHF_WRITE, Align: 4}
	table.Data = binary.LittleEndian.AppendUint16(make([]byte, 4), flag)
	table.Data = append(table.Data, 0, 0)
	here := &elfobj.Symbol{Name: ".L1", Section: table}
	place := &elfobj.Symbol{Name: ".L2", Value: 8}
	for _, s := range f.Symbols {
		if s.Name == function {
			place.Section = s.Section
		}
	}
	relocs := &elfobj.Section{Name: ".rela__bug_table", Type: elf.SHT_RELA, Flags: elf.SHF_INFO_LINK, Align: 8,
		EntSize: 24, Target: table, Relocs: []elfobj.Reloc{
			{Type: uint32(elf.R_LARCH_ADD32), Sym: place}, {Type: uint32(elf.R_LARCH_SUB32), Sym: here},
		}}
	f.Sections = append(f.Sections, table, relocs)
	f.Symbols = append([]*elfobj.Symbol{here, place}, f.Symbols...)
}
