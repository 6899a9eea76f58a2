package elfobj

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
)

// Sizes in bytes of the ELF64 structures. Entries of groups and of SHT_SYMTAB_SHNDX are words.
const (
	headerSize  = 64
	sectionSize = 64
	symbolSize  = elf.Sym64Size
	relaSize    = 24
	relSize     = 16
	chdrSize    = 24
	wordSize    = 4
)

// fileHeader reads the file header. It refuses everything but a 64-bit relocatable object.
func (r *reader) fileHeader() (elf.Header64, error) {
	var h elf.Header64
	if len(r.data) < 4 || string(r.data[:4]) != elf.ELFMAG {
		return h, errors.New("no ELF magic at the start")
	}
	if len(r.data) < headerSize {
		return h, fmt.Errorf("file of %d bytes is shorter than a file header", len(r.data))
	}
	if class := elf.Class(r.data[elf.EI_CLASS]); class != elf.ELFCLASS64 {
		return h, fmt.Errorf("%v: only 64-bit objects are supported", class)
	}
	switch order := elf.Data(r.data[elf.EI_DATA]); order {
	case elf.ELFDATA2LSB:
		r.order = binary.LittleEndian
	case elf.ELFDATA2MSB:
		r.order = binary.BigEndian
	default:
		return h, fmt.Errorf("byte order %v is unknown", order)
	}
	if err := binary.Read(bytes.NewReader(r.data), r.order, &h); err != nil {
		return h, fmt.Errorf("file header: %w", err)
	}
	return h, checkHeader(&h)
}

func checkHeader(h *elf.Header64) error {
	switch {
	case h.Ident[elf.EI_VERSION] != byte(elf.EV_CURRENT) || h.Version != uint32(elf.EV_CURRENT):
		return fmt.Errorf("ELF version %d is unknown", h.Version)
	case elf.Type(h.Type) != elf.ET_REL:
		return fmt.Errorf("%v: not a relocatable object (ET_REL)", elf.Type(h.Type))
	case h.Phnum != 0:
		return errors.New("program headers in a relocatable object")
	case h.Shoff != 0 && h.Shentsize != sectionSize:
		return fmt.Errorf("section headers of %d bytes, want %d", h.Shentsize, sectionSize)
	case elf.Machine(h.Machine) == elf.EM_MIPS:
		// r_info of MIPS holds a symbol and four fields, not a symbol and a type.
		return errors.New("MIPS relocations are not supported")
	}
	return nil
}

// sectionHeaders reads the section header table. A count that does not fit in the file header is in
// section header 0 (gABI, "Extended section numbers").
func (r *reader) sectionHeaders(h *elf.Header64) error {
	if h.Shoff == 0 {
		if h.Shnum != 0 {
			return fmt.Errorf("%d section headers, but no section header table", h.Shnum)
		}
		return nil
	}
	if h.Shoff > uint64(len(r.data)) || uint64(len(r.data))-h.Shoff < sectionSize {
		return fmt.Errorf("section header table at %#x is outside the file", h.Shoff)
	}
	table := r.data[h.Shoff:]
	first := sectionHeader(r.order, table)
	count, names := uint64(h.Shnum), uint32(h.Shstrndx)
	if count == 0 {
		count = first.Size
	}
	if elf.SectionIndex(names) == elf.SHN_XINDEX {
		names = first.Link
	}
	if count == 0 || count > uint64(len(table))/sectionSize {
		return fmt.Errorf("%d section headers at %#x do not fit in the file", count, h.Shoff)
	}
	if uint64(names) >= count {
		return fmt.Errorf("section name table is section %d of %d", names, count)
	}
	r.headers = make([]elf.Section64, count)
	for i := range r.headers {
		r.headers[i] = sectionHeader(r.order, table[i*sectionSize:])
	}
	r.shstrtab = names
	return nil
}

func sectionHeader(order binary.ByteOrder, b []byte) elf.Section64 {
	return elf.Section64{
		Name:      order.Uint32(b),
		Type:      order.Uint32(b[4:]),
		Flags:     order.Uint64(b[8:]),
		Addr:      order.Uint64(b[16:]),
		Off:       order.Uint64(b[24:]),
		Size:      order.Uint64(b[32:]),
		Link:      order.Uint32(b[40:]),
		Info:      order.Uint32(b[44:]),
		Addralign: order.Uint64(b[48:]),
		Entsize:   order.Uint64(b[56:]),
	}
}

func appendSectionHeader(out []byte, order binary.AppendByteOrder, h *elf.Section64) []byte {
	out = order.AppendUint32(out, h.Name)
	out = order.AppendUint32(out, h.Type)
	out = order.AppendUint64(out, h.Flags)
	out = order.AppendUint64(out, h.Addr)
	out = order.AppendUint64(out, h.Off)
	out = order.AppendUint64(out, h.Size)
	out = order.AppendUint32(out, h.Link)
	out = order.AppendUint32(out, h.Info)
	out = order.AppendUint64(out, h.Addralign)
	return order.AppendUint64(out, h.Entsize)
}

// writeHeaders appends the section header table. It fills in the file header, for which newWriter
// reserved the space.
func (w *writer) writeHeaders() error {
	w.align(8)
	h := elf.Header64{
		Type:      uint16(elf.ET_REL),
		Machine:   uint16(w.file.Machine),
		Version:   uint32(elf.EV_CURRENT),
		Entry:     w.file.Entry,
		Shoff:     uint64(len(w.out)),
		Flags:     w.file.Flags,
		Ehsize:    headerSize,
		Shentsize: sectionSize,
	}
	w.identify(&h)
	w.setCounts(&h)
	for i := range w.headers {
		w.out = appendSectionHeader(w.out, w.order, &w.headers[i])
	}
	_, err := binary.Encode(w.out, w.file.ByteOrder, &h)
	return err
}

func (w *writer) identify(h *elf.Header64) {
	copy(h.Ident[:], elf.ELFMAG)
	h.Ident[elf.EI_CLASS] = byte(elf.ELFCLASS64)
	h.Ident[elf.EI_DATA] = byte(elf.ELFDATA2LSB)
	if w.file.ByteOrder == binary.BigEndian {
		h.Ident[elf.EI_DATA] = byte(elf.ELFDATA2MSB)
	}
	h.Ident[elf.EI_VERSION] = byte(elf.EV_CURRENT)
	h.Ident[elf.EI_OSABI] = byte(w.file.OSABI)
	h.Ident[elf.EI_ABIVERSION] = w.file.ABIVersion
}

// setCounts writes the counts that sectionHeaders reads. The section name table is always last.
func (w *writer) setCounts(h *elf.Header64) {
	count := uint32(len(w.headers))
	h.Shnum, h.Shstrndx = uint16(count), uint16(count-1)
	if count >= uint32(elf.SHN_LORESERVE) {
		h.Shnum, w.headers[0].Size = 0, uint64(count)
	}
	if count-1 >= uint32(elf.SHN_LORESERVE) {
		h.Shstrndx, w.headers[0].Link = uint16(elf.SHN_XINDEX), count-1
	}
}
