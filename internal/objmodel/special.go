package objmodel

import (
	"debug/elf"
	"fmt"
	"slices"

	"kintsugi/internal/arch"
	"kintsugi/internal/elfobj"
)

// entrySize returns the size in bytes of the entries of a section. The number of relocations per
// entry depends on the kernel's version and configuration. The right number makes all entries
// alike, and each begins with a pointer to code. Smaller numbers are tried first, because two
// entries with one relocation look like one with two.
func entrySize(s *arch.Section, sec *elfobj.Section, relocs []elfobj.Reloc) (uint64, error) {
	relocs = onePerField(relocs)
	for _, each := range append([]int{s.Relocs}, s.OrRelocs...) {
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

// alike reports whether all entries of size bytes have each relocations at the same places, and the
// first of them points at code.
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

// onePerField returns relocs without those that follow another at the same place, such as the
// second half of a difference.
func onePerField(relocs []elfobj.Reloc) []elfobj.Reloc {
	same := func(a, b elfobj.Reloc) bool { return a.Offset == b.Offset }
	for i := 1; i < len(relocs); i++ {
		if same(relocs[i-1], relocs[i]) {
			return slices.CompactFunc(slices.Clone(relocs), same)
		}
	}
	return relocs
}
