package kimage

import (
	"bytes"
	"cmp"
	"debug/elf"
	"encoding/binary"
	"errors"
	"slices"

	"kintsugi/internal/fault"
)

// ErrUnmapped means that no segment of the image contains the address range.
var ErrUnmapped = errors.New("address not in the kernel image")

// maxVmlinux limits the size of an image in the file and in memory, in bytes.
// Debian's have about 60 MB.
const maxVmlinux = 1 << 30

// segment is a PT_LOAD program header. Per-CPU data can be a segment of its own at address 0.
type segment struct {
	addr uint64
	size uint64 // in memory; len(data) or more
	data []byte // as in the file
}

// from returns the file's bytes from addr to the end of the segment.
func (s *segment) from(addr uint64) []byte {
	if off := addr - s.addr; addr >= s.addr && off < uint64(len(s.data)) {
		return s.data[off:]
	}
	return nil
}

func (s *segment) contains(addr uint64) bool {
	return addr >= s.addr && addr-s.addr < s.size
}

// readSegments reads the program headers of an ELF file, ascending by address. It does not use
// elf.NewFile, which also reads the sections, because an image may have none.
func readSegments(file []byte) (elf.Machine, []segment, error) {
	var h elf.Header64
	if _, err := binary.Decode(file, binary.LittleEndian, &h); err != nil || !bytes.HasPrefix(file, []byte(elf.ELFMAG)) {
		return 0, nil, fault.Inputf("not an ELF file")
	}
	if h.Ident[elf.EI_CLASS] != byte(elf.ELFCLASS64) || h.Ident[elf.EI_DATA] != byte(elf.ELFDATA2LSB) {
		return 0, nil, fault.Inputf("not a 64-bit little-endian kernel")
	}
	if h.Phoff > uint64(len(file)) {
		return 0, nil, fault.Inputf("truncated: no program headers")
	}
	var segments []segment
	r := bytes.NewReader(file[h.Phoff:])
	for range h.Phnum {
		var p elf.Prog64
		if err := binary.Read(r, binary.LittleEndian, &p); err != nil {
			return 0, nil, fault.Inputf("truncated: no program headers")
		}
		if elf.ProgType(p.Type) != elf.PT_LOAD || p.Memsz == 0 {
			continue
		}
		s, err := readSegment(file, p)
		if err != nil {
			return 0, nil, err
		}
		segments = append(segments, s)
	}
	return elf.Machine(h.Machine), segments, checkSegments(segments, len(file))
}

func readSegment(file []byte, p elf.Prog64) (segment, error) {
	if p.Off > uint64(len(file)) || p.Filesz > uint64(len(file))-p.Off {
		return segment{}, fault.Inputf("truncated: segment at %#x needs %d bytes at file offset %d", p.Vaddr, p.Filesz, p.Off)
	}
	if p.Memsz > maxVmlinux || p.Filesz > p.Memsz || p.Vaddr+p.Memsz < p.Vaddr {
		return segment{}, fault.Inputf("segment at %#x: bad size %d", p.Vaddr, p.Memsz)
	}
	return segment{addr: p.Vaddr, size: p.Memsz, data: file[p.Off : p.Off+p.Filesz : p.Off+p.Filesz]}, nil
}

// checkSegments sorts segments. It refuses segments that share addresses or bytes of the file:
// searching all segments must not take longer than searching a file of size bytes.
func checkSegments(segments []segment, size int) error {
	slices.SortFunc(segments, func(a, b segment) int { return cmp.Compare(a.addr, b.addr) })
	total := 0
	for i := range segments {
		total += len(segments[i].data)
		if i > 0 && segments[i-1].addr+segments[i-1].size > segments[i].addr {
			return fault.Inputf("segments at %#x and %#x overlap", segments[i-1].addr, segments[i].addr)
		}
	}
	if total > size {
		return fault.Inputf("segments share bytes of the file")
	}
	if len(segments) == 0 {
		return fault.Inputf("no segments to load")
	}
	return nil
}

// segment returns the segment that contains addr, or nil.
func (im *Image) segment(addr uint64) *segment {
	for i := range im.segments {
		if im.segments[i].contains(addr) {
			return &im.segments[i]
		}
	}
	return nil
}

// Bytes returns the size bytes at addr as shipped. Memory that is not in the file (BSS) is zero, as
// the kernel's loader leaves it. If the range is not within one segment, the error is ErrUnmapped.
// The slice belongs to the image and must not be written to.
func (im *Image) Bytes(addr, size uint64) ([]byte, error) {
	s := im.segment(addr)
	if s == nil || size > s.size-(addr-s.addr) {
		return nil, fault.Inputf("%d bytes at %#x: %w", size, addr, ErrUnmapped)
	}
	data := s.from(addr)
	if size <= uint64(len(data)) {
		return data[:size:size], nil
	}
	zeroed := make([]byte, size)
	copy(zeroed, data)
	return zeroed, nil
}
