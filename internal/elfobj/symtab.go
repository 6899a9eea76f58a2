package elfobj

import (
	"debug/elf"
	"errors"
	"fmt"
)

// readSymbols reads the symbol table, if there is one. It allocates all symbols and names in one
// piece each, because objects have many of them.
func (r *reader) readSymbols() error {
	if r.symtab == 0 {
		return nil
	}
	table, err := r.entries(r.symtab, symbolSize)
	if err != nil {
		return err
	}
	names, err := r.names(r.headers[r.symtab].Link, len(table)/symbolSize)
	if err != nil {
		return fmt.Errorf("symbol names: %w", err)
	}
	for _, b := range table[:min(len(table), symbolSize)] {
		if b != 0 {
			return errors.New("symbol 0 is not null")
		}
	}
	r.symbols = make([]*Symbol, len(table)/symbolSize)
	slab := make([]Symbol, len(r.symbols))
	for i := 1; i < len(r.symbols); i++ {
		r.symbols[i] = &slab[i]
		if err := r.symbol(&slab[i], i, table[i*symbolSize:], names); err != nil {
			return fmt.Errorf("symbol %d (%s): %w", i, slab[i].Name, err)
		}
	}
	if len(r.symbols) > 1 {
		r.file.Symbols = r.symbols[1:]
	}
	return nil
}

func (r *reader) symbol(s *Symbol, i int, b []byte, names *names) error {
	*s = Symbol{
		Bind:  elf.ST_BIND(b[4]),
		Type:  elf.ST_TYPE(b[4]),
		Other: b[5],
		Value: r.order.Uint64(b[8:]),
		Size:  r.order.Uint64(b[16:]),
	}
	var err error
	if s.Name, err = names.at(r.order.Uint32(b)); err != nil {
		return err
	}
	switch index := elf.SectionIndex(r.order.Uint16(b[6:])); {
	case index == elf.SHN_XINDEX:
		s.Section, err = r.extendedSection(i)
	case index == elf.SHN_UNDEF || index >= elf.SHN_LORESERVE:
		s.Index = index
	default:
		s.Section, err = r.section(uint32(index))
	}
	return err
}

// extendedSection returns the section of symbol i from SHT_SYMTAB_SHNDX.
func (r *reader) extendedSection(i int) (*Section, error) {
	if r.shndx == 0 {
		return nil, errors.New("extended section number, but no SHT_SYMTAB_SHNDX section")
	}
	table := r.contents(r.shndx)
	if (i+1)*wordSize > len(table) {
		return nil, errors.New("extended section number is outside SHT_SYMTAB_SHNDX")
	}
	return r.section(r.order.Uint32(table[i*wordSize:]))
}

// numberSymbols numbers the symbols as in the symbol table: local symbols first, as the gABI
// demands, otherwise in file order.
func (w *writer) numberSymbols() error {
	w.ordered = make([]*Symbol, 0, len(w.file.Symbols))
	for _, local := range []bool{true, false} {
		for i, s := range w.file.Symbols {
			if s == nil {
				return fmt.Errorf("symbol %d is nil", i+1)
			}
			if (s.Bind == elf.STB_LOCAL) == local {
				w.ordered = append(w.ordered, s)
			}
		}
		if local {
			w.firstGlobal = uint32(len(w.ordered)) + 1
		}
	}
	w.symbols = make(map[*Symbol]uint32, len(w.ordered)+1)
	w.symbols[nil] = 0
	for i, s := range w.ordered {
		if w.symbols[s] != 0 {
			return fmt.Errorf("symbol %s is listed twice", s.Name)
		}
		w.symbols[s] = uint32(i) + 1
	}
	return nil
}

// writeSymbols appends .symtab and .strtab. Between them it appends .symtab_shndx if a section
// number does not fit in a symbol.
func (w *writer) writeSymbols() error {
	names := newStringTable(len(w.ordered))
	table := make([]byte, symbolSize, (len(w.ordered)+1)*symbolSize)
	extended := make([]byte, wordSize, (len(w.ordered)+1)*wordSize)
	var need uint32
	for _, s := range w.ordered {
		index, number, err := w.symbolSection(s)
		if err != nil {
			return fmt.Errorf("symbol %s: %w", s.Name, err)
		}
		name, err := names.add(w.name(s))
		if err != nil {
			return err
		}
		need |= number
		extended = w.order.AppendUint32(extended, number)
		table = w.order.AppendUint32(table, name)
		table = append(table, elf.ST_INFO(s.Bind, s.Type), s.Other)
		table = w.order.AppendUint16(table, index)
		table = w.order.AppendUint64(table, s.Value)
		table = w.order.AppendUint64(table, s.Size)
	}
	if need == 0 {
		extended = nil
	}
	return w.addSymbolTables(table, extended, names.data.Bytes())
}

func (w *writer) addSymbolTables(table, extended, names []byte) error {
	strtab := w.symtab + 1
	if extended != nil {
		strtab++
	}
	err := w.add(".symtab", elf.Section64{Type: uint32(elf.SHT_SYMTAB), Link: strtab, Info: w.firstGlobal,
		Addralign: 8, Entsize: symbolSize}, table)
	if err == nil && extended != nil {
		err = w.add(".symtab_shndx", elf.Section64{Type: uint32(elf.SHT_SYMTAB_SHNDX), Link: w.symtab,
			Addralign: wordSize, Entsize: wordSize}, extended)
	}
	if err != nil {
		return err
	}
	return w.add(".strtab", elf.Section64{Type: uint32(elf.SHT_STRTAB), Addralign: 1}, names)
}

// symbolSection returns st_shndx of s. If st_shndx is SHN_XINDEX, extended is the entry for
// SHT_SYMTAB_SHNDX; otherwise extended is 0.
func (w *writer) symbolSection(s *Symbol) (index uint16, extended uint32, err error) {
	if s.Bind < 0 || s.Bind > 15 || s.Type < 0 || s.Type > 15 {
		return 0, 0, fmt.Errorf("binding %d or type %d is out of range", s.Bind, s.Type)
	}
	if s.Section == nil {
		reserved := s.Index >= elf.SHN_LORESERVE && s.Index < elf.SHN_XINDEX
		if s.Index != elf.SHN_UNDEF && !reserved {
			return 0, 0, fmt.Errorf("section index %#x is neither undefined nor reserved", int(s.Index))
		}
		return uint16(s.Index), 0, nil
	}
	number, err := w.number(s.Section)
	if err != nil {
		return 0, 0, err
	}
	if number >= uint32(elf.SHN_LORESERVE) {
		return uint16(elf.SHN_XINDEX), number, nil
	}
	return uint16(number), 0, nil
}

// name returns the name of s in the written file.
func (w *writer) name(s *Symbol) string {
	if name, ok := w.renamed[s]; ok {
		return name
	}
	return s.Name
}
