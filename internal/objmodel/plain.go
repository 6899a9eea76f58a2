package objmodel

import (
	"strings"

	"kintsugi/internal/arch"
)

// plainSections are where compilers put code and data; what nobody refers to
// has no effect in them. Everything in other sections is collected by the
// linker or the module loader, and so has effect by being there.
var plainSections = []string{".text", ".data", ".bss", ".rodata", ".init.", ".exit.", ".altinstr", ".ref.", ".sched.",
	".cpuidle.", ".noinstr.", ".entry.", ".kprobes.", ".irqentry.", ".softirqentry.", ".lbss", ".ldata", ".lrodata",
	".eh_frame", ".meminit", ".spinlock.", ".lock."}

// spec is what is known of a section, and whether it is a special one.
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
