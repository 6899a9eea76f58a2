package debuginfo

import (
	"debug/dwarf"
	"debug/elf"
	"errors"

	"kintsugi/internal/arch"
	"kintsugi/internal/elfobj"
)

// sectionSpan keeps sections apart in the address space in which DWARF is read. Section n begins at
// n times sectionSpan.
const sectionSpan = 1 << 32

// open applies the relocations of the debug sections and opens them.
func open(f *elfobj.File) (*dwarf.Data, error) {
	base := map[*elfobj.Section]uint64{}
	for i, s := range f.Sections {
		if s.Flags&elf.SHF_EXECINSTR != 0 {
			base[s] = uint64(i+1) * sectionSpan
		}
	}
	sections := map[string][]byte{}
	for _, s := range f.Sections {
		if len(s.Name) > 7 && s.Name[:7] == ".debug_" && s.Type == elf.SHT_PROGBITS {
			sections[s.Name[7:]] = relocated(f, s, base)
		}
	}
	d, err := dwarf.New(sections["abbrev"], nil, nil, sections["info"], sections["line"], nil, sections["ranges"],
		sections["str"])
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"addr", "line_str", "str_offsets", "rnglists"} {
		if data, ok := sections[name]; ok {
			if err := d.AddSection(".debug_"+name, data); err != nil {
				return nil, err
			}
		}
	}
	return d, nil
}

// relocated returns a copy of a debug section with its absolute relocations applied.
func relocated(f *elfobj.File, s *elfobj.Section, base map[*elfobj.Section]uint64) []byte {
	data := append([]byte(nil), s.Data...)
	machine, err := arch.ByMachine(f.Machine)
	if err != nil {
		return data
	}
	for _, rs := range f.Sections {
		if rs.Target != s {
			continue
		}
		for _, r := range rs.Relocs {
			kind := machine.Relocs[r.Type]
			if r.Sym == nil || kind.PCRel || r.Offset+uint64(kind.Size) > uint64(len(data)) ||
				r.Offset+uint64(kind.Size) < r.Offset {
				continue
			}
			v := r.Sym.Value + uint64(r.Addend)
			if r.Sym.Section != nil {
				v += base[r.Sym.Section]
			}
			switch kind.Size {
			case 8:
				f.ByteOrder.PutUint64(data[r.Offset:], v)
			case 4:
				f.ByteOrder.PutUint32(data[r.Offset:], uint32(v))
			}
		}
	}
	return data
}

// place returns the section and the offset of an address that sectionSpan made.
func place(f *elfobj.File, addr uint64) (*elfobj.Section, uint64) {
	n := addr / sectionSpan
	if n == 0 || n > uint64(len(f.Sections)) {
		return nil, 0
	}
	return f.Sections[n-1], addr % sectionSpan
}

// eachEntry visits all entries of debug info. The entry of a unit has depth 1.
func eachEntry(f *elfobj.File, d *dwarf.Data, visit func(e *dwarf.Entry, depth int) error) error {
	depth := 1
	most := len(f.Section(".debug_info").Data) // an entry has at least one byte
	for r := d.Reader(); ; most-- {
		e, err := r.Next()
		switch {
		case err != nil || e == nil:
			return err
		case most == 0:
			return errors.New("entries without an end") // dwarf.Reader does not detect this
		case e.Tag == 0:
			depth--
			continue
		case e.Tag == dwarf.TagCompileUnit:
			depth = 1
		}
		if err := visit(e, depth); err != nil {
			return err
		}
		if e.Children {
			depth++
		}
	}
}
