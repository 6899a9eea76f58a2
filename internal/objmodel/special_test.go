package objmodel

import (
	"debug/elf"
	"testing"

	"kintsugi/internal/arch"
	"kintsugi/internal/elfobj"
)

// Entries of __bug_table: the address alone, with the file, and with format and file.
func TestEntrySize(t *testing.T) {
	bug := arch.AMD64.Sections["__bug_table"]
	code := &elfobj.Symbol{Name: ".text.f", Section: &elfobj.Section{Name: ".text.f", Flags: elf.SHF_ALLOC | elf.SHF_EXECINSTR}}
	text := &elfobj.Symbol{Name: ".rodata.str1.1", Section: &elfobj.Section{Name: ".rodata.str1.1", Flags: elf.SHF_ALLOC}}
	for _, c := range []struct {
		size, count uint64
		syms        []*elfobj.Symbol // of one entry's relocations, four bytes apart
	}{
		{8, 3, []*elfobj.Symbol{code}},
		{12, 4, []*elfobj.Symbol{code, text}},
		{16, 4, []*elfobj.Symbol{code, text, text}},
		{16, 6, []*elfobj.Symbol{code, text, text}},
	} {
		sec := &elfobj.Section{Name: "__bug_table", Data: make([]byte, c.size*c.count)}
		var relocs []elfobj.Reloc
		for i := range c.count {
			for j, sym := range c.syms {
				relocs = append(relocs, elfobj.Reloc{Offset: i*c.size + uint64(j)*4, Sym: sym})
			}
		}
		if got, err := entrySize(&bug, sec, relocs); got != c.size || err != nil {
			t.Errorf("%d entries of %d bytes with %d relocations: %d, %v", c.count, c.size, len(c.syms), got, err)
		}
		relocs[len(relocs)-1].Offset++
		if got, err := entrySize(&bug, sec, relocs); err == nil && len(c.syms) > 1 {
			t.Errorf("uneven entries of %d bytes: %d", c.size, got)
		}
	}
}
