package elfdiff

import (
	"debug/elf"
	"fmt"
	"slices"
	"strings"

	"kintsugi/internal/elfobj"
)

// special is what the differ knows of one special section. Exactly one of
// relocs, parallel, parallelTo, whole, unowned, drop and pool says how its contents are
// attributed.
//
// Entry sizes are not listed: they differ by kernel version and
// configuration, and the object says them itself, through the distance of its
// relocations.
type special struct {
	relocs     int    // relocations of one entry; the first points at the code that owns it
	orRelocs   int    // how many there are in other kernels, more than relocs; 0: none
	ftrace     bool   // an entry makes its function patchable
	parallel   string // section whose i-th entry belongs to the i-th entry here, each with one relocation
	parallelTo string // the other way round
	describes  bool   // named objects that each describe one call site: a new one works unregistered
	whole      bool   // same in all objects, travels whole
	unowned    bool   // entries belong to no function: they may not differ
	drop       bool   // means nothing in a module
	pool       bool   // addresses and constants that code loads (.toc): writable only for the linker
}

// entrySize is the size in bytes of the entries of a section. Kernels of
// other versions or configurations have more or fewer relocations in an entry;
// what fits is what makes all entries alike and has each begin in code. Fewer
// are tried first: two entries of one look like one of two.
func (s special) entrySize(sec *elfobj.Section, relocs []elfobj.Reloc) (uint64, error) {
	relocs = onePerField(relocs)
	for _, each := range []int{s.relocs, s.orRelocs} {
		if each == 0 || len(relocs) == 0 || len(relocs)%each != 0 {
			continue
		}
		n := uint64(len(relocs) / each)
		if size := uint64(len(sec.Data)) / n; size*n == uint64(len(sec.Data)) && alike(relocs, each, size) {
			return size, nil
		}
	}
	return 0, fmt.Errorf("section %s: %d bytes with %d relocations do not make entries", sec.Name, len(sec.Data), len(relocs))
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

// specialOf looks up a section by its name. Sections made one per symbol
// (___ksymtab+NAME, .initcall6.init) are unowned families.
func (a *arch) specialOf(name string) (special, bool) {
	if s, ok := a.sections[name]; ok {
		return s, true
	}
	if runtimeConst(name) {
		return special{relocs: 1}, true
	}
	for _, prefix := range unownedFamilies {
		if strings.HasPrefix(name, prefix) {
			return special{unowned: true}, true
		}
	}
	return special{}, false
}

var unownedFamilies = []string{"___ksymtab", "___kcrctab", "__ksymtab", "__kcrctab", ".initcall", ".con_initcall", ".init.setup", "__initcall",
	"__syscalls_metadata", "_ftrace_events", "_error_injection_whitelist", "_kprobe_blacklist", ".BTF", "__bpf_raw_tp_map"}
