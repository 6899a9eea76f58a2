package objmodel

import (
	"debug/elf"
	"fmt"
	"slices"

	"kintsugi/internal/arch"
	"kintsugi/internal/elfobj"
)

// entrySize is the size in bytes of the entries of a section. Kernels of
// other versions or configurations have more or fewer relocations in an entry;
// what fits is what makes all entries alike and has each begin in code. Fewer
// are tried first: two entries of one look like one of two.
func entrySize(s *arch.Section, sec *elfobj.Section, relocs []elfobj.Reloc) (uint64, error) {
	relocs = onePerField(relocs)
	for _, each := range []int{s.Relocs, s.OrRelocs} {
		if each == 0 || len(relocs) == 0 || len(relocs)%each != 0 {
			continue
		}
		n := uint64(len(relocs) / each)
		if size := uint64(len(sec.Data)) / n; size*n == uint64(len(sec.Data)) && alike(relocs, each, size) {
			return size, nil
		}
	}
	return 0, fmt.Errorf("section %s: %d bytes with %d relocations do not make entries", sec.Name, len(sec.Data),
		len(relocs))
}

// alike reports whether entries of size bytes with each relocations have
// those at the same places, the first of them pointing at code.
func alike(relocs []elfobj.Reloc, each int, size uint64) bool {
	for i, r := range relocs {
		start := uint64(i/each) * size
		if r.Offset-start != relocs[i%each].Offset || r.Offset-start >= size {
			return false
		}
		if i%each == 0 && (r.Sym == nil || r.Sym.Section == nil || r.Sym.Section.Flags&elf.SHF_EXECINSTR == 0) {
			return false
		}
	}
	return true
}

// onePerField is relocs without those that follow another at the same place,
// as the halves of a difference do.
func onePerField(relocs []elfobj.Reloc) []elfobj.Reloc {
	same := func(a, b elfobj.Reloc) bool { return a.Offset == b.Offset }
	for i := 1; i < len(relocs); i++ {
		if same(relocs[i-1], relocs[i]) {
			return slices.CompactFunc(slices.Clone(relocs), same)
		}
	}
	return relocs
}
