package objmodel

import (
	"strings"

	"kintsugi/internal/arch"
)

// plainSections are the sections in which compilers put code and data. In them, something that
// nobody refers to has no effect. The linker or the module loader collects everything in other
// sections, which therefore has an effect by its presence.
var plainSections = []string{".text", ".data", ".bss", ".rodata", ".init.", ".exit.", ".altinstr", ".ref.", ".sched.",
	".cpuidle.", ".noinstr.", ".entry.", ".kprobes.", ".irqentry.", ".softirqentry.", ".lbss", ".ldata", ".lrodata",
	".eh_frame", ".meminit", ".spinlock.", ".lock."}

// spec returns the row of a section, and whether the section is special.
func (o *Object) spec(name string) (spec *arch.Section, special bool) {
	row, special := o.Arch.Section(name)
	if !special {
		row.Unowned = !isPlainSection(name)
	}
	return &row, special
}

func isPlainSection(name string) bool {
	for _, p := range plainSections {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}
