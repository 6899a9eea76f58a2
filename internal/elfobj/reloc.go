package elfobj

import (
	"debug/elf"
	"fmt"
)

// isRelocs reports whether sections of type t hold relocations.
func isRelocs(t elf.SectionType) bool { return t == elf.SHT_RELA || t == elf.SHT_REL }

func relocSize(t elf.SectionType) int {
	if t == elf.SHT_RELA {
		return relaSize
	}
	return relSize
}

// readRelocs reads the relocations of s, the section with number i.
func (r *reader) readRelocs(i uint32, s *Section) error {
	size := relocSize(s.Type)
	table, err := r.entries(i, size)
	if err != nil {
		return err
	}
	if link := r.headers[i].Link; link != r.symtab && link != 0 {
		return fmt.Errorf("sh_link %d is not the symbol table", link)
	}
	s.Relocs = make([]Reloc, len(table)/size)
	for n := range s.Relocs {
		b := table[n*size:]
		info := r.order.Uint64(b[8:])
		rel := &s.Relocs[n]
		rel.Offset = r.order.Uint64(b)
		rel.Type = uint32(info)
		if s.Type == elf.SHT_RELA {
			rel.Addend = int64(r.order.Uint64(b[16:]))
		}
		if rel.Sym, err = r.symbolAt(uint32(info >> 32)); err != nil {
			return fmt.Errorf("relocation %d: %w", n, err)
		}
	}
	return nil
}

// symbolAt returns symbol n, or nil for the null symbol.
func (r *reader) symbolAt(n uint32) (*Symbol, error) {
	if n == 0 {
		return nil, nil
	}
	if uint64(n) >= uint64(len(r.symbols)) {
		return nil, fmt.Errorf("symbol %d of %d", n, len(r.symbols))
	}
	return r.symbols[n], nil
}

// appendRelocs appends the relocations of s.
func (w *writer) appendRelocs(out []byte, s *Section) ([]byte, error) {
	for n := range s.Relocs {
		rel := &s.Relocs[n]
		sym, ok := w.symbols[rel.Sym]
		if !ok {
			return nil, fmt.Errorf("relocation %d: symbol %s is not in the file", n, rel.Sym.Name)
		}
		out = w.order.AppendUint64(out, rel.Offset)
		out = w.order.AppendUint64(out, uint64(sym)<<32|uint64(rel.Type))
		if s.Type == elf.SHT_RELA {
			out = w.order.AppendUint64(out, uint64(rel.Addend))
		} else if rel.Addend != 0 {
			return nil, fmt.Errorf("relocation %d: addend in a SHT_REL section", n)
		}
	}
	return out, nil
}

// readGroup reads the members of the section group s, the section with number i.
func (r *reader) readGroup(i uint32, s *Section) error {
	h := &r.headers[i]
	table := r.contents(i)
	if len(table) < wordSize || len(table)%wordSize != 0 {
		return fmt.Errorf("section group of %d bytes", len(table))
	}
	if h.Link != r.symtab {
		return fmt.Errorf("sh_link %d is not the symbol table", h.Link)
	}
	var err error
	if s.Signature, err = r.symbolAt(h.Info); err != nil {
		return fmt.Errorf("signature: %w", err)
	}
	s.GroupFlags = r.order.Uint32(table)
	s.Members = make([]*Section, len(table)/wordSize-1)
	for n := range s.Members {
		if s.Members[n], err = r.section(r.order.Uint32(table[(n+1)*wordSize:])); err != nil {
			return fmt.Errorf("member %d: %w", n, err)
		}
	}
	return nil
}

// appendGroup appends the flags and members of the section group s.
func (w *writer) appendGroup(out []byte, s *Section) ([]byte, error) {
	out = w.order.AppendUint32(out, s.GroupFlags)
	for n, m := range s.Members {
		if m == nil {
			return nil, fmt.Errorf("member %d is nil", n)
		}
		number, err := w.number(m)
		if err != nil {
			return nil, fmt.Errorf("member %d: %w", n, err)
		}
		out = w.order.AppendUint32(out, number)
	}
	return out, nil
}

// signature returns sh_info of the section group s.
func (w *writer) signature(s *Section) (uint32, error) {
	n, ok := w.symbols[s.Signature]
	if !ok {
		return 0, fmt.Errorf("signature symbol %s is not in the file", s.Signature.Name)
	}
	return n, nil
}
