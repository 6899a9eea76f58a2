package elfobj

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"strings"
)

// Names may share bytes of a string table, so the names of a hostile file can add up to the square
// of its size. No kernel symbol is longer than 512 bytes (KSYM_NAME_LEN, include/linux/kallsyms.h),
// but some C++ symbols are.
const (
	meanName  = 512     // bytes allowed per section or symbol
	moreNames = 1 << 20 // bytes allowed on top, for the whole file
)

// names is a string table of the file that is read.
type names struct {
	table string
	left  int // bytes of names that may still be read
}

// names returns the string table in section i. At most n entries refer to it. The table of section
// 0 is empty.
func (r *reader) names(i uint32, n int) (*names, error) {
	t := &names{left: moreNames + meanName*n}
	if i == 0 {
		return t, nil
	}
	if uint64(i) >= uint64(len(r.headers)) {
		return nil, fmt.Errorf("string table is section %d of %d", i, len(r.headers))
	}
	h := &r.headers[i]
	if elf.SectionType(h.Type) != elf.SHT_STRTAB || elf.SectionFlag(h.Flags)&elf.SHF_COMPRESSED != 0 {
		return nil, fmt.Errorf("section %d (%v) is not a plain string table", i, elf.SectionType(h.Type))
	}
	t.table = string(r.contents(i))
	return t, nil
}

// at returns the name at an offset. It aliases the table.
func (t *names) at(off uint32) (string, error) {
	if off == 0 && t.table == "" {
		return "", nil
	}
	if uint64(off) >= uint64(len(t.table)) {
		return "", fmt.Errorf("name at %#x is outside the string table", off)
	}
	end := strings.IndexByte(t.table[off:], 0)
	if end < 0 {
		return "", fmt.Errorf("name at %#x has no end", off)
	}
	if t.left -= end; t.left < 0 {
		return "", fmt.Errorf("names of more than %d bytes on average", meanName)
	}
	return t.table[off:][:end], nil
}

// stringTable builds a string table that holds each string once.
type stringTable struct {
	data    bytes.Buffer
	offsets map[string]uint32
}

func newStringTable(n int) *stringTable {
	t := &stringTable{offsets: make(map[string]uint32, n+1)}
	t.offsets[""] = 0
	t.data.WriteByte(0)
	return t
}

// add returns the offset of s.
func (t *stringTable) add(s string) (uint32, error) {
	if off, ok := t.offsets[s]; ok {
		return off, nil
	}
	if strings.IndexByte(s, 0) >= 0 {
		return 0, fmt.Errorf("name %q has a null byte", s)
	}
	off := t.data.Len()
	if uint64(off) > 1<<32-1 {
		return 0, errors.New("string table is larger than 4 GiB")
	}
	t.offsets[s] = uint32(off)
	t.data.WriteString(s)
	t.data.WriteByte(0)
	return uint32(off), nil
}
