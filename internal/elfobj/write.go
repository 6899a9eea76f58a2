package elfobj

import (
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
)

// maxPadding limits the alignment of contents in the file. Alignment matters only for addresses,
// which the linker assigns.
const maxPadding = 4096

// Write returns f as a file: the sections in their order, then the symbol table, its strings and
// the section names. The same File always gives the same bytes. Write changes neither f nor the
// data that Read was given. An error means that f is inconsistent, for example that a symbol's
// section is not in f.Sections.
func (f *File) Write() ([]byte, error) { return f.WriteAs(nil) }

// WriteAs is Write, but the symbols in names are written with the names given there.
func (f *File) WriteAs(names map[*Symbol]string) ([]byte, error) {
	w, err := newWriter(f, names)
	if err != nil {
		return nil, err
	}
	for _, s := range f.Sections {
		if err := w.writeSection(s); err != nil {
			return nil, fmt.Errorf("section %s: %w", s.Name, err)
		}
	}
	if w.symtab != 0 {
		if err := w.writeSymbols(); err != nil {
			return nil, err
		}
	}
	if err := w.writeNames(); err != nil {
		return nil, err
	}
	if err := w.writeHeaders(); err != nil {
		return nil, err
	}
	return w.out, nil
}

// writer holds the numbers of sections and symbols in the written file.
type writer struct {
	file    *File
	renamed map[*Symbol]string
	order   binary.AppendByteOrder

	sections    map[*Section]uint32
	symbols     map[*Symbol]uint32
	ordered     []*Symbol // as in the symbol table, without the null symbol
	firstGlobal uint32    // number of the first symbol that is not local
	symtab      uint32    // number of the symbol table, 0: none

	names   *stringTable
	headers []elf.Section64
	out     []byte
}

func newWriter(f *File, names map[*Symbol]string) (*writer, error) {
	order, ok := f.ByteOrder.(binary.AppendByteOrder)
	if !ok || f.Class != elf.ELFCLASS64 {
		return nil, fmt.Errorf("cannot write %v with byte order %v", f.Class, f.ByteOrder)
	}
	w := &writer{
		file:    f,
		renamed: names,
		order:   order,
		names:   newStringTable(len(f.Sections) + 4),
		headers: make([]elf.Section64, 1, len(f.Sections)+5),
	}
	if err := w.numberSections(); err != nil {
		return nil, err
	}
	if err := w.numberSymbols(); err != nil {
		return nil, err
	}
	w.out = make([]byte, headerSize, f.writtenSize())
	return w, nil
}

// writtenSize estimates the size of f as a file.
func (f *File) writtenSize() int {
	n := headerSize + 4096 + 64*len(f.Symbols) // a symbol and its name
	for _, s := range f.Sections {
		padding := int(min(s.Align, maxPadding))
		n += sectionSize + len(s.Name) + padding + len(s.Data) + relaSize*len(s.Relocs) + wordSize*len(s.Members)
	}
	return n
}

func (w *writer) numberSections() error {
	needSymtab := len(w.file.Symbols) > 0
	w.sections = make(map[*Section]uint32, len(w.file.Sections))
	for i, s := range w.file.Sections {
		if s == nil {
			return fmt.Errorf("section %d is nil", i+1)
		}
		if w.sections[s] != 0 {
			return fmt.Errorf("section %s is listed twice", s.Name)
		}
		w.sections[s] = uint32(i) + 1
		needSymtab = needSymtab || s.LinkSymtab || isRelocs(s.Type) || s.Type == elf.SHT_GROUP
	}
	if needSymtab {
		w.symtab = uint32(len(w.file.Sections)) + 1
	}
	return nil
}

// number returns the section number of s, or 0 if s is nil.
func (w *writer) number(s *Section) (uint32, error) {
	if s == nil {
		return 0, nil
	}
	n, ok := w.sections[s]
	if !ok {
		return 0, fmt.Errorf("section %s is not in the file", s.Name)
	}
	return n, nil
}

func (w *writer) writeSection(s *Section) error {
	h := elf.Section64{
		Type:      uint32(s.Type),
		Flags:     uint64(s.Flags),
		Addr:      s.Addr,
		Size:      s.Size,
		Addralign: s.Align,
		Entsize:   s.EntSize,
	}
	var err error
	if h.Link, err = w.link(s); err != nil {
		return fmt.Errorf("sh_link: %w", err)
	}
	if h.Info, err = w.info(s); err != nil {
		return fmt.Errorf("sh_info: %w", err)
	}
	if err := checkSection(s); err != nil {
		return err
	}
	if s.Compressed == 0 {
		return w.addSection(s, h)
	}
	data, err := deflate(w.order, s)
	if err != nil {
		return err
	}
	h.Flags |= uint64(elf.SHF_COMPRESSED)
	h.Addralign = 8 // of the compression header
	return w.add(s.Name, h, data)
}

func checkSection(s *Section) error {
	plain := hasContents(s.Type) && !isRelocs(s.Type) && s.Type != elf.SHT_GROUP
	switch {
	case s.Flags&elf.SHF_COMPRESSED != 0:
		return errors.New("flag SHF_COMPRESSED is set: use Compressed instead")
	case !plain && (len(s.Data) > 0 || s.Compressed != 0):
		return fmt.Errorf("sections of type %v have no Data", s.Type)
	case !isRelocs(s.Type) && len(s.Relocs) > 0:
		return fmt.Errorf("sections of type %v have no Relocs", s.Type)
	}
	return checkAlign(s.Align)
}

// link returns sh_link of s.
func (w *writer) link(s *Section) (uint32, error) {
	if s.LinkSymtab || isRelocs(s.Type) || s.Type == elf.SHT_GROUP {
		if s.Link != nil {
			return 0, fmt.Errorf("refers to both the symbol table and section %s", s.Link.Name)
		}
		return w.symtab, nil
	}
	return w.number(s.Link)
}

// info returns sh_info of s.
func (w *writer) info(s *Section) (uint32, error) {
	switch {
	case s.Type == elf.SHT_GROUP:
		return w.signature(s)
	case !s.infoIsSection() && s.Target != nil:
		return 0, fmt.Errorf("sections of type %v without SHF_INFO_LINK have no Target", s.Type)
	case !s.infoIsSection():
		return s.Info, nil
	case s.Info != 0:
		return 0, errors.New("names a section: set Target instead of Info")
	}
	return w.number(s.Target)
}

// addSection appends the contents and the header of s.
func (w *writer) addSection(s *Section, h elf.Section64) error {
	w.align(h.Addralign)
	h.Off = uint64(len(w.out))
	if !hasContents(s.Type) {
		return w.addHeader(s.Name, h)
	}
	var err error
	switch {
	case isRelocs(s.Type):
		w.out, err = w.appendRelocs(w.out, s)
	case s.Type == elf.SHT_GROUP:
		w.out, err = w.appendGroup(w.out, s)
	default:
		w.out = append(w.out, s.Data...)
	}
	if err != nil {
		return err
	}
	h.Size = uint64(len(w.out)) - h.Off
	return w.addHeader(s.Name, h)
}

// add appends a section that exists only in the written form, or whose data replaces the File's.
func (w *writer) add(name string, h elf.Section64, data []byte) error {
	w.align(h.Addralign)
	h.Off, h.Size = uint64(len(w.out)), uint64(len(data))
	w.out = append(w.out, data...)
	return w.addHeader(name, h)
}

func (w *writer) addHeader(name string, h elf.Section64) error {
	off, err := w.names.add(name)
	h.Name = off
	w.headers = append(w.headers, h)
	return err
}

// writeNames appends .shstrtab, which contains its own name too.
func (w *writer) writeNames() error {
	if _, err := w.names.add(".shstrtab"); err != nil {
		return err
	}
	return w.add(".shstrtab", elf.Section64{Type: uint32(elf.SHT_STRTAB), Addralign: 1}, w.names.data.Bytes())
}

// align pads the file to a multiple of align, which is a power of two or zero.
func (w *writer) align(align uint64) {
	if align = min(align, maxPadding); align < 2 {
		return
	}
	for uint64(len(w.out))&(align-1) != 0 {
		w.out = append(w.out, 0)
	}
}
