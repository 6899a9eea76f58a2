package objmodel

import (
	"cmp"
	"debug/elf"
	"fmt"
	"slices"
	"strings"

	"kintsugi/internal/arch"
	"kintsugi/internal/elfobj"
)

// split makes the atoms of every allocated section.
func (o *Object) split(relocs sectionRelocs) {
	symbols := map[*elfobj.Section][]*elfobj.Symbol{}
	for _, s := range o.File.Symbols {
		if s.Section != nil && s.Type != elf.STT_SECTION && s.Type != elf.STT_FILE && !o.isLabel(s) {
			symbols[s.Section] = append(symbols[s.Section], s)
		}
	}
	for _, sec := range o.File.Sections {
		if !reachesKernel(sec) {
			continue
		}
		spec, _ := o.spec(sec.Name)
		atoms := o.splitSection(sec, spec, symbols[sec], relocs[sec])
		for i, a := range atoms {
			a.Spec, a.Order = spec, len(o.Atoms)+i
		}
		o.Atoms = append(o.Atoms, atoms...)
		o.bySection[sec] = atoms
	}
}

// reachesKernel reports whether the section becomes part of a linked kernel. Debug info does not,
// nor what the linker script discards (DISCARDS, include/asm-generic/vmlinux.lds.h), nor the
// sections of author macros.
func reachesKernel(sec *elfobj.Section) bool {
	return sec.Flags&elf.SHF_ALLOC != 0 && sec.Type != elf.SHT_RELA && sec.Type != elf.SHT_GROUP &&
		!strings.HasPrefix(sec.Name, ".discard.") && !IsMacro(sec.Name)
}

func (o *Object) splitSection(
	sec *elfobj.Section, spec *arch.Section, syms []*elfobj.Symbol, relocs []elfobj.Reloc,
) []*Atom {
	switch {
	case spec.Relocs > 0:
		return splitEntries(sec, spec, relocs)
	case spec.Parallel != "":
		return whole(sec) // cut later, when the places of functions are known
	case spec.ParallelTo != "":
		return nil // part of the other section's atoms
	case sec.Flags&elf.SHF_MERGE != 0:
		return splitMergeable(sec)
	}
	return o.splitBySymbol(sec, syms)
}

// whole returns a section as one atom without a name.
func whole(sec *elfobj.Section) []*Atom {
	if len(sec.Data) == 0 {
		return nil
	}
	return []*Atom{{Kind: Anon, Section: sec, Size: uint64(len(sec.Data))}}
}

// splitEntries makes one atom per entry. If the entries cannot be separated, the section stays one
// atom that belongs to no function, and any difference in it is refused later.
func splitEntries(sec *elfobj.Section, spec *arch.Section, relocs []elfobj.Reloc) []*Atom {
	if len(sec.Data) == 0 {
		return nil
	}
	size, err := entrySize(spec, sec, relocs)
	if err != nil {
		return whole(sec)
	}
	entries := make([]Atom, uint64(len(sec.Data))/size)
	atoms := make([]*Atom, len(entries))
	for i := range entries {
		entries[i] = Atom{Kind: Entry, Section: sec, Off: uint64(i) * size, Size: size}
		atoms[i] = &entries[i]
	}
	return atoms
}

// splitMergeable makes one atom per string or constant.
func splitMergeable(sec *elfobj.Section) []*Atom {
	var atoms []*Atom
	n, unit := uint64(len(sec.Data)), max(sec.EntSize, 1)
	for off := uint64(0); off < n; {
		a := &Atom{Kind: Const, Section: sec, Off: off, Size: min(unit, n-off)}
		if sec.Flags&elf.SHF_STRINGS != 0 {
			a.Kind, a.Size = String, stringExtent(sec, off, unit)
		}
		atoms = append(atoms, a)
		off += a.Size
	}
	return atoms
}

// stringExtent returns the size of the string at off with its end and the padding before the next
// string. Its characters have unit bytes.
func stringExtent(sec *elfobj.Section, off, unit uint64) uint64 {
	n, end := uint64(len(sec.Data)), off
	for end < n && !isZero(sec.Data[end:min(end+unit, n)]) {
		end += unit
	}
	end += unit
	for end+unit <= n && sec.Align > unit && end%sec.Align != 0 && isZero(sec.Data[end:end+unit]) {
		end += unit
	}
	return min(end, n) - off
}

func isZero(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}

// splitBySymbol makes one atom per function or object symbol, and one for each stretch between them
// that is not padding. A symbol inside the range of another is its label.
func (o *Object) splitBySymbol(sec *elfobj.Section, syms []*elfobj.Symbol) []*Atom {
	size := sectionSize(sec)
	slices.SortStableFunc(syms, symbolOrder)
	slab := make([]Atom, len(syms)) // each symbol makes at most one atom
	atoms := make([]*Atom, 0, len(syms)+1)
	var last *Atom
	pos := uint64(0)
	gap := func(to uint64) {
		if to > pos && !o.isPadding(sec, pos, to) {
			atoms = append(atoms, &Atom{Kind: Anon, Section: sec, Off: pos, Size: to - pos})
		}
	}
	for i, s := range syms {
		if s.Value > size {
			continue // outside its section: nothing can be there
		}
		if last != nil && (s.Value < last.Off+last.Size || s.Value == last.Off) {
			if s.Value == last.Off && s.Size == last.Size {
				last.Aliases = append(last.Aliases, s)
			}
			o.bySymbol[s] = last
			continue
		}
		gap(s.Value)
		last, slab = &slab[0], slab[1:]
		*last = Atom{Kind: Data, Name: s.Name, Sym: s, Section: sec, Off: s.Value, Size: extent(syms[i:], size)}
		if sec.Flags&elf.SHF_EXECINSTR != 0 {
			last.Kind = Func
		}
		o.bySymbol[s] = last
		atoms = append(atoms, last)
		pos = last.Off + last.Size
	}
	gap(size)
	return atoms
}

// extent returns the size of the first symbol. A symbol without a size, as in assembly, extends to
// the next symbol.
func extent(syms []*elfobj.Symbol, sectionSize uint64) uint64 {
	first := syms[0]
	if first.Size > 0 {
		return min(first.Size, sectionSize-first.Value)
	}
	for _, s := range syms[1:] {
		if s.Value > first.Value {
			return min(s.Value, sectionSize) - first.Value
		}
	}
	return sectionSize - first.Value
}

// symbolOrder orders the symbols of one section: by address; longest first; global before local,
// except symbols that only modpost reads; by name.
func symbolOrder(a, b *elfobj.Symbol) int {
	return cmp.Or(cmp.Compare(a.Value, b.Value), cmp.Compare(b.Size, a.Size), cmp.Compare(forModpost(a), forModpost(b)),
		cmp.Compare(b.Bind, a.Bind), cmp.Compare(a.Name, b.Name))
}

// forModpost is 1 for the global alias that MODULE_DEVICE_TABLE gives a table so that modpost finds
// it (include/linux/module.h), and 0 for other symbols. No code refers to the alias.
func forModpost(s *elfobj.Symbol) int {
	if strings.HasPrefix(s.Name, "__mod_") && strings.HasSuffix(s.Name, "_device_table") ||
		strings.HasPrefix(s.Name, "__mod_device_table__") {
		return 1
	}
	return 0
}

func (o *Object) isPadding(sec *elfobj.Section, from, to uint64) bool {
	if sec.Type == elf.SHT_NOBITS {
		return true
	}
	gap := sec.Data[from:to]
	if sec.Flags&elf.SHF_EXECINSTR != 0 {
		return o.Arch.Code.Padding(gap)
	}
	for _, b := range gap {
		if b != 0 {
			return false
		}
	}
	return uint64(len(gap)) < max(sec.Align, 1)
}

func sectionSize(s *elfobj.Section) uint64 {
	if s.Type == elf.SHT_NOBITS {
		return s.Size
	}
	return uint64(len(s.Data))
}

// isLabel reports whether a symbol only marks a place inside something else: a local label that the
// assembler kept (.L), or a mapping symbol.
func (o *Object) isLabel(s *elfobj.Symbol) bool {
	if strings.HasPrefix(s.Name, ".L") {
		return true
	}
	for _, m := range o.Arch.Symbols.Mapping {
		if s.Name == m || strings.HasPrefix(s.Name, m+".") {
			return true
		}
	}
	return false
}

// checkStrings refuses an object with a section of strings whose last string has no end: a linker
// would merge it with the following bytes.
func checkStrings(f *elfobj.File) error {
	const strings = elf.SHF_MERGE | elf.SHF_STRINGS
	for _, s := range f.Sections {
		if s.Flags&strings != strings || !reachesKernel(s) || len(s.Data) == 0 {
			continue
		}
		n, unit := uint64(len(s.Data)), max(s.EntSize, 1)
		if n%unit != 0 || !isZero(s.Data[n-unit:]) {
			return fmt.Errorf("section %s: its last string has no end", s.Name)
		}
	}
	return nil
}
