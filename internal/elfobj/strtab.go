package elfobj

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// maxNames is how many bytes of names are read for each byte of the file.
// String tables share tails and repeated names, so that names may add up to
// more than the table, but in real objects not to more than the file; without
// a limit a hostile one has names that add up to its size squared.
const maxNames = 16

// name returns the string at off of a string table, which it aliases.
func (r *reader) name(table string, off uint32) (string, error) {
	if off == 0 && table == "" {
		return "", nil
	}
	if uint64(off) >= uint64(len(table)) {
		return "", fmt.Errorf("name at %#x is outside the string table", off)
	}
	end := strings.IndexByte(table[off:], 0)
	if end < 0 {
		return "", fmt.Errorf("name at %#x has no end", off)
	}
	r.names += end
	if r.names > maxNames*len(r.data) {
		return "", errors.New("names overlap too much in the string table")
	}
	return table[off:][:end], nil
}

// stringTable builds a string table in which each string is once.
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
		return 0, errors.New("string table of more than 4 GiB")
	}
	t.offsets[s] = uint32(off)
	t.data.WriteString(s)
	t.data.WriteByte(0)
	return uint32(off), nil
}
