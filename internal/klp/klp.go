// Package klp implements the format of livepatch modules: the references that the
// livepatch core resolves and their positions, their form in the file, and the
// rules by which the kernel loads a module.
//
// The format is described in Documentation/livepatch/module-elf-format.rst.
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
	// Vmlinux is the name of the kernel itself in livepatch symbols and sections.
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

// ParseSymbol parses the name of a klp symbol. ok is false for another name.
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

// position is the old_sympos of the i-th symbol of t: 0 if its name is unique,
// else its place among all symbols of the name, local and global, counted from 1
// (klp_find_object_symbol, kernel/livepatch/core.c).
func position(t table, i int) uint64 {
	same := defined(t, t.Symbol(i).Name)
	if len(same) == 1 {
		return 0
	}
	return uint64(slices.Index(same, i) + 1)
}

// defined lists the symbols of a name that t defines.
func defined(t table, name string) []int {
	var list []int // a copy: the result of Lookup belongs to the table
	for _, i := range t.Lookup(name) {
		if t.Symbol(i).Type != kimage.Import {
			list = append(list, i)
		}
	}
	return list
}
