package compile

import (
	"bytes"
	"debug/elf"
	"strings"
)

// SameCode reports whether two objects differ at most in debug info. It is false if an object
// cannot be read.
func SameCode(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	f, err := elf.NewFile(bytes.NewReader(a))
	if err != nil {
		return false
	}
	g, err := elf.NewFile(bytes.NewReader(b))
	if err != nil || len(f.Sections) != len(g.Sections) || f.FileHeader != g.FileHeader {
		return false
	}
	for i, s := range f.Sections {
		if !sameSection(s, g.Sections[i]) {
			return false
		}
	}
	return true
}

// sameSection compares name, header and contents. It compares only the name of sections of debug
// info. This covers symbols too: they are the contents of the symbol table.
func sameSection(s, t *elf.Section) bool {
	if s.Name != t.Name || s.Type != t.Type || s.Flags != t.Flags {
		return false
	}
	if strings.HasPrefix(s.Name, ".debug_") || strings.HasPrefix(s.Name, ".rela.debug_") {
		return true
	}
	if s.Size != t.Size || s.Addralign != t.Addralign || s.Link != t.Link || s.Info != t.Info || s.Entsize != t.Entsize {
		return false
	}
	if s.Type == elf.SHT_NOBITS || s.Type == elf.SHT_NULL {
		return true
	}
	x, err := s.Data()
	if err != nil {
		return false
	}
	y, err := t.Data()
	return err == nil && bytes.Equal(x, y)
}
