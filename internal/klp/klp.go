// Package klp knows what a livepatch module must be: which references the
// livepatch core resolves and under which position, how they stand in the
// file, and the rules by which the kernel loads it.
//
// The format is that of Documentation/livepatch/module-elf-format.rst.
package klp

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"kintsugi/internal/kimage"
)

const (
	symPrefix  = ".klp.sym."
	relaPrefix = ".klp.rela."
	// Vmlinux is the name by which klp symbols and sections mean the kernel itself.
	Vmlinux = "vmlinux"
)

// Symbol is a klp symbol: the Pos-th symbol Name of Object.
type Symbol struct {
	Object string // vmlinux or a module's name
	Name   string
	Pos    uint64 // 0: the name is unique in Object
}

// String is the symbol's name in the symbol table.
func (s Symbol) String() string {
	return fmt.Sprintf("%s%s.%s,%d", symPrefix, s.Object, s.Name, s.Pos)
}

// ParseSymbol reads a klp symbol's name; ok is false where it is none.
func ParseSymbol(name string) (s Symbol, ok bool) {
	rest, ok := strings.CutPrefix(name, symPrefix)
	if !ok {
		return s, false
	}
	object, rest, ok := strings.Cut(rest, ".")
	comma := strings.LastIndexByte(rest, ',')
	if !ok || comma <= 0 || object == "" {
		return s, false
	}
	pos, err := strconv.ParseUint(rest[comma+1:], 10, 32)
	if err != nil {
		return s, false
	}
	return Symbol{Object: object, Name: rest[:comma], Pos: pos}, true
}

// position is what the livepatch core wants as old_sympos for the i-th symbol
// of t: 0 where its name is unique, else its place among all symbols of the
// name, local and global, counted from 1 (klp_find_object_symbol,
// kernel/livepatch/core.c).
func position(t table, i int) uint64 {
	same := defined(t, t.Symbol(i).Name)
	if len(same) == 1 {
		return 0
	}
	return uint64(slices.Index(same, i) + 1)
}

// defined are the symbols of a name that t defines.
func defined(t table, name string) []int {
	var list []int // Lookup's own is the table's
	for _, i := range t.Lookup(name) {
		if t.Symbol(i).Type != kimage.Import {
			list = append(list, i)
		}
	}
	return list
}
