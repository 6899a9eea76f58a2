package elfobj

import (
	"debug/elf"
	"encoding/binary"
	"fmt"

	"kintsugi/internal/fault"
)

// Read reads a relocatable object of any 64-bit machine. Data must not change afterwards: the
// contents of sections that are not compressed alias it. Read allocates in proportion to data, plus
// at most 1 GiB for all compressed sections. Bytes after the tables, such as a module's signature,
// are ignored. Errors are of class Input.
func Read(data []byte) (*File, error) {
	r := &reader{data: data}
	if err := r.read(); err != nil {
		return nil, fault.Inputf("ELF object: %w", err)
	}
	return r.file, nil
}

// reader holds sections and symbols by their number in the file.
type reader struct {
	data  []byte
	order binary.ByteOrder
	file  *File

	headers  []elf.Section64
	sections []*Section // nil: the null section and those that only the written form has
	symbols  []*Symbol  // nil: the null symbol

	symtab, shndx, strtab, shstrtab uint32 // section numbers; 0: none

	inflated int // bytes of compressed contents read so far
}

func (r *reader) read() error {
	h, err := r.fileHeader()
	if err != nil {
		return err
	}
	r.file = &File{
		Class:      elf.ELFCLASS64,
		ByteOrder:  r.order,
		OSABI:      elf.OSABI(h.Ident[elf.EI_OSABI]),
		ABIVersion: h.Ident[elf.EI_ABIVERSION],
		Machine:    elf.Machine(h.Machine),
		Entry:      h.Entry,
		Flags:      h.Flags,
	}
	if err := r.sectionHeaders(&h); err != nil {
		return err
	}
	if err := r.checkBounds(); err != nil {
		return err
	}
	if err := r.findTables(); err != nil {
		return err
	}
	if err := r.readSections(); err != nil {
		return err
	}
	if err := r.readSymbols(); err != nil {
		return err
	}
	return r.connect()
}

// hasContents reports whether a section of type t has bytes in the file.
func hasContents(t elf.SectionType) bool { return t != elf.SHT_NOBITS && t != elf.SHT_NULL }

// checkBounds requires that the contents of sections are inside the file and together not larger
// than the file. Everything made from them is then in proportion to the file.
func (r *reader) checkBounds() error {
	left := uint64(len(r.data))
	for i := range r.headers {
		h := &r.headers[i]
		if !hasContents(elf.SectionType(h.Type)) || h.Size == 0 {
			continue
		}
		if h.Off > uint64(len(r.data)) || h.Size > uint64(len(r.data))-h.Off {
			return fmt.Errorf("section %d: %#x bytes at %#x are outside the file", i, h.Size, h.Off)
		}
		if h.Size > left {
			return fmt.Errorf("section %d: contents overlap other sections", i)
		}
		left -= h.Size
	}
	return nil
}

// findTables finds the sections that exist only in the written form.
func (r *reader) findTables() error {
	for i := range r.headers {
		var found *uint32
		switch elf.SectionType(r.headers[i].Type) {
		case elf.SHT_SYMTAB:
			found = &r.symtab
		case elf.SHT_SYMTAB_SHNDX:
			found = &r.shndx
		default:
			continue
		}
		if *found != 0 {
			return fmt.Errorf("section %d: second section of type %v", i, elf.SectionType(r.headers[i].Type))
		}
		*found = uint32(i)
	}
	if r.symtab != 0 {
		r.strtab = r.headers[r.symtab].Link
	}
	return nil
}

// regenerated reports whether section i exists only in the written form.
func (r *reader) regenerated(i uint32) bool {
	return i == 0 || i == r.symtab || i == r.shndx || i == r.strtab || i == r.shstrtab
}

// readSections reads names, attributes and contents of all sections.
func (r *reader) readSections() error {
	names, err := r.names(r.shstrtab, len(r.headers))
	if err != nil {
		return fmt.Errorf("section names: %w", err)
	}
	r.sections = make([]*Section, len(r.headers))
	slab := make([]Section, len(r.headers))
	for i := range r.headers {
		if r.regenerated(uint32(i)) {
			continue
		}
		s := &slab[i]
		if s.Name, err = names.at(r.headers[i].Name); err != nil {
			return fmt.Errorf("section %d: %w", i, err)
		}
		if err := r.readSection(s, uint32(i)); err != nil {
			return sectionError(i, s, err)
		}
		r.sections[i] = s
		r.file.Sections = append(r.file.Sections, s)
	}
	return nil
}

func (r *reader) readSection(s *Section, i uint32) error {
	h := &r.headers[i]
	s.Type = elf.SectionType(h.Type)
	s.Flags = elf.SectionFlag(h.Flags)
	s.Addr, s.Align, s.EntSize = h.Addr, h.Addralign, h.Entsize
	if err := checkAlign(s.Align); err != nil {
		return err
	}
	plain := hasContents(s.Type) && !isRelocs(s.Type) && s.Type != elf.SHT_GROUP
	if !hasContents(s.Type) {
		s.Size = h.Size
	}
	if plain {
		s.Data = r.contents(i)
	}
	if s.Flags&elf.SHF_COMPRESSED == 0 {
		return nil
	}
	if !plain {
		return fmt.Errorf("a section of type %v cannot be compressed", s.Type)
	}
	return r.inflate(s)
}

func checkAlign(align uint64) error {
	if align&(align-1) != 0 {
		return fmt.Errorf("alignment %#x is not a power of two", align)
	}
	return nil
}

// connect turns the numbers of sections and symbols inside sections into pointers.
func (r *reader) connect() error {
	for i, s := range r.sections {
		if s == nil {
			continue
		}
		if err := r.connectSection(uint32(i), s); err != nil {
			return sectionError(i, s, err)
		}
	}
	return nil
}

func (r *reader) connectSection(i uint32, s *Section) error {
	if s.Type == elf.SHT_GROUP {
		return r.readGroup(i, s)
	}
	h := &r.headers[i]
	var err error
	if isRelocs(s.Type) {
		err = r.readRelocs(i, s)
	} else {
		err = r.readLink(h.Link, s)
	}
	if err != nil {
		return err
	}
	if !s.infoIsSection() {
		s.Info = h.Info
	} else if h.Info != 0 {
		if s.Target, err = r.section(h.Info); err != nil {
			return fmt.Errorf("sh_info: %w", err)
		}
	}
	return nil
}

func (r *reader) readLink(link uint32, s *Section) error {
	if link != 0 && link == r.symtab {
		s.LinkSymtab = true
		return nil
	}
	if link == 0 {
		return nil
	}
	var err error
	if s.Link, err = r.section(link); err != nil {
		return fmt.Errorf("sh_link: %w", err)
	}
	return nil
}

// section returns section n. It is never nil if the error is nil.
func (r *reader) section(n uint32) (*Section, error) {
	if uint64(n) >= uint64(len(r.sections)) {
		return nil, fmt.Errorf("section %d of %d", n, len(r.sections))
	}
	if r.sections[n] == nil {
		return nil, fmt.Errorf("section %d (%v) cannot be referred to", n, elf.SectionType(r.headers[n].Type))
	}
	return r.sections[n], nil
}

// contents returns the bytes of section i in the file.
func (r *reader) contents(i uint32) []byte {
	h := &r.headers[i]
	if h.Size == 0 {
		return []byte{}
	}
	end := h.Off + h.Size
	return r.data[h.Off:end:end]
}

// entries returns the contents of section i, a table whose entries have size bytes.
func (r *reader) entries(i uint32, size int) ([]byte, error) {
	h := &r.headers[i]
	if elf.SectionFlag(h.Flags)&elf.SHF_COMPRESSED != 0 {
		return nil, fmt.Errorf("%v section is compressed", elf.SectionType(h.Type))
	}
	if h.Entsize != uint64(size) || h.Size%uint64(size) != 0 {
		return nil, fmt.Errorf("%v section of %d bytes in entries of %d, want %d",
			elf.SectionType(h.Type), h.Size, h.Entsize, size)
	}
	return r.contents(i), nil
}

func sectionError(i int, s *Section, err error) error {
	return fmt.Errorf("section %d (%s): %w", i, s.Name, err)
}
