package elfdiff

import (
	"fmt"
	"slices"
	"strings"

	"kintsugi/internal/elfobj"
)

// special is what the differ knows of one special section. Exactly one of
// relocs, parallelTo, whole, unowned, drop and pool says how its contents are
// attributed.
//
// Entry sizes are not listed: they differ by kernel version and
// configuration, and the object says them itself, through the distance of its
// relocations.
type special struct {
	relocs     int    // relocations of one entry; the first points at the code that owns it
	ftrace     bool   // an entry makes its function patchable
	parallel   string // section whose i-th entry belongs to the i-th entry here
	parallelTo string // the other way round
	describes  bool   // named objects that each describe one call site: a new one works unregistered
	whole      bool   // same in all objects, travels whole
	unowned    bool   // entries belong to no function: they may not differ
	drop       bool   // means nothing in a module
	pool       bool   // addresses and constants that code loads (.toc): writable only for the linker
}

// entrySize is the size in bytes of the entries of a section with n
// relocations of which each entry has s.relocs.
func (s special) entrySize(sec *elfobj.Section, relocs []elfobj.Reloc) (uint64, error) {
	relocs = onePerField(relocs)
	if len(relocs)%s.relocs != 0 {
		return 0, fmt.Errorf("section %s: %d relocations do not make entries of %d", sec.Name, len(relocs), s.relocs)
	}
	n := uint64(len(relocs) / s.relocs)
	if n == 0 || uint64(len(sec.Data))%n != 0 {
		return 0, fmt.Errorf("section %s: %d bytes do not make %d entries", sec.Name, len(sec.Data), n)
	}
	size := uint64(len(sec.Data)) / n
	for i, r := range relocs {
		if entry := uint64(i / s.relocs); r.Offset < entry*size || r.Offset >= (entry+1)*size {
			return 0, fmt.Errorf("section %s: relocation at %#x is outside of entry %d", sec.Name, r.Offset, entry)
		}
	}
	return size, nil
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
	for _, prefix := range unownedFamilies {
		if strings.HasPrefix(name, prefix) {
			return special{unowned: true}, true
		}
	}
	return special{}, false
}

var unownedFamilies = []string{"___ksymtab", "___kcrctab", "__ksymtab", "__kcrctab", ".initcall", ".con_initcall", ".init.setup", "__initcall",
	"__syscalls_metadata", "_ftrace_events", "_error_injection_whitelist", "_kprobe_blacklist", ".BTF", "__bpf_raw_tp_map"}
