package kimage

import (
	"cmp"
	"debug/elf"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"kintsugi/internal/arch"
	"kintsugi/internal/elfobj"
	"kintsugi/internal/fault"
)

// A module is a relocatable object that gets addresses when it is loaded. ParseModule assigns
// addresses of its own, so that the code of a module can be read like that of a linked image.
// Sections lie where the kernel has modules, and each undefined symbol gets an address of its own
// where the kernel is (arch.Window).
const (
	importStride = 1 << 12
	sectionGap   = 1 << 16 // between sections, so that no address belongs to two of them
)

// Import is the Type of a symbol that a module imports.
const Import = 'U'

// ParseModule reads an unpacked module as it was shipped. Symbols are those of its symbol table, in
// the table's order, in which livepatch counts positions (module_kallsyms_on_each_symbol,
// kernel/module/kallsyms.c). The imports follow. Addresses have no meaning outside the result. The
// error is of class Input.
func ParseModule(ko []byte) (*Image, error) {
	f, err := elfobj.Read(ko)
	if err != nil {
		return nil, fmt.Errorf("kernel module: %w", err)
	}
	machine, err := arch.ByMachine(f.Machine)
	if err != nil {
		return nil, fault.Inputf("kernel module: %w", err)
	}
	m := moduleLayout{file: f, arch: machine, base: map[*elfobj.Section]uint64{}, imports: map[*elfobj.Symbol]uint64{}}
	if err := m.place(); err != nil {
		return nil, fault.Inputf("kernel module: %w", err)
	}
	if err := m.relocate(); err != nil {
		return nil, fault.Inputf("kernel module: %w", err)
	}
	im := &Image{Machine: f.Machine, HasData: true, segments: m.segments, sections: m.contents, init: m.init,
		Symbols: m.symbols()}
	im.byName = indexNames(im.Symbols)
	im.byAddr = indexAddrs(im.Symbols)
	return im, nil
}

// moduleLayout gives a module addresses.
type moduleLayout struct {
	file     *elfobj.File
	arch     *arch.Arch
	base     map[*elfobj.Section]uint64
	imports  map[*elfobj.Symbol]uint64
	segments []segment
	contents map[string]segment
	init     []span
}

// place gives addresses to the sections in memory, one after the other, and to the
// imports.
func (m *moduleLayout) place() error {
	m.contents = map[string]segment{}
	window := m.arch.Image.Modules
	if window.End == 0 {
		return fmt.Errorf("modules of %s cannot be read yet", m.arch.Name)
	}
	next := window.Start
	for _, s := range m.file.Sections {
		if s.Flags&elf.SHF_ALLOC == 0 {
			continue
		}
		if s.Align > sectionGap || s.Len() > maxVmlinux || next+s.Len()+2*sectionGap > window.End {
			return fmt.Errorf("section %s is too large", s.Name)
		}
		m.base[s] = next
		data := slices.Clone(s.Data) // relocations will be written into it
		in := segment{addr: next, size: s.Len(), data: data}
		m.segments = append(m.segments, in)
		m.contents[s.Name] = in
		if strings.HasPrefix(s.Name, ".init") { // module_init_section, kernel/module/main.c
			m.init = append(m.init, span{next, next + s.Len()})
		}
		next = (next + s.Len() + 2*sectionGap - 1) &^ (sectionGap - 1)
	}
	place := window.Imports
	for _, s := range m.file.Symbols {
		if !s.Undefined() || s.Name == "" {
			continue
		}
		if place += importStride; place >= window.Start {
			return errors.New("too many imports")
		}
		m.imports[s] = place
	}
	return nil
}

// value returns the address of a symbol, or 0 if it has none.
func (m *moduleLayout) value(s *elfobj.Symbol) uint64 {
	switch {
	case s == nil:
		return 0
	case s.Section != nil:
		return m.base[s.Section] + s.Value
	case s.Index == elf.SHN_ABS:
		return s.Value
	}
	return m.imports[s]
}

// relocate applies the relocations of the sections in memory.
func (m *moduleLayout) relocate() error {
	at := map[*elfobj.Section][]byte{}
	for i, s := range m.placed() {
		at[s] = m.segments[i].data
	}
	for _, s := range m.file.Sections {
		data, placed := at[s.Target]
		if s.Type != elf.SHT_RELA || !placed {
			continue
		}
		for i := range s.Relocs {
			r := &s.Relocs[i]
			if r.Offset > uint64(len(data)) {
				return fmt.Errorf("%s: relocation at %#x is outside its section", s.Name, r.Offset)
			}
			value, place := m.value(r.Sym)+uint64(r.Addend), m.base[s.Target]+r.Offset
			if err := m.arch.Apply(data[r.Offset:], m.file.ByteOrder, r.Type, value, place); err != nil {
				return fmt.Errorf("%s: relocation at %#x: %w", s.Name, r.Offset, err)
			}
		}
	}
	return nil
}

// placed returns the sections that have an address, in the order of segments.
func (m *moduleLayout) placed() []*elfobj.Section {
	var list []*elfobj.Section
	for _, s := range m.file.Sections {
		if _, ok := m.base[s]; ok {
			list = append(list, s)
		}
	}
	return list
}

// symbols returns the named symbols in the order in which the kernel walks a module's symbols, and
// then the imports, which the kernel skips.
func (m *moduleLayout) symbols() []Symbol {
	var own, imports []Symbol
	for _, s := range m.file.Symbols {
		switch {
		case s.Name == "":
		case s.Undefined():
			imports = append(imports, Symbol{Name: s.Name, Addr: m.imports[s], Type: Import})
		default:
			own = append(own, Symbol{Name: s.Name, Addr: m.value(s), Type: moduleLetter(s)})
		}
	}
	return append(own, imports...)
}

// moduleLetter returns nm's letter for a symbol of a module, as far as callers need it.
func moduleLetter(s *elfobj.Symbol) byte {
	letter := byte('d')
	switch {
	case s.Section == nil || s.Section.Flags&elf.SHF_ALLOC == 0:
		letter = 'a'
	case s.Section.Flags&elf.SHF_EXECINSTR != 0:
		letter = 't'
	case s.Section.Type == elf.SHT_NOBITS:
		letter = 'b'
	case s.Section.Flags&elf.SHF_WRITE == 0:
		letter = 'r'
	}
	if s.Bind != elf.STB_LOCAL {
		letter -= 'a' - 'A'
	}
	return letter
}

// span is a range of addresses.
type span struct{ start, end uint64 }

func (s span) contains(addr uint64) bool { return addr >= s.start && addr < s.end }

// Init reports whether addr is in memory that is freed after the kernel has booted
// (include/asm-generic/sections.h) or after the module is loaded.
func (im *Image) Init(addr uint64) bool {
	return slices.ContainsFunc(im.init, func(s span) bool { return s.contains(addr) })
}

// initOfKernel returns the memory that free_initmem frees, without per-cpu data. The first copy of
// per-cpu data can lie between __init_begin and __init_end, and its addresses name the data of all
// processors (PERCPU_SECTION of include/asm-generic/vmlinux.lds.h).
func (im *Image) initOfKernel() []span {
	init, ok := im.between("__init_begin", "__init_end")
	if !ok {
		return nil
	}
	cpu, ok := im.between("__per_cpu_start", "__per_cpu_end")
	if !ok || !init.contains(cpu.start) || cpu.end > init.end {
		return []span{init}
	}
	return []span{{init.start, cpu.start}, {cpu.end, init.end}}
}

// between is the range from one symbol to another; ok is false if either is missing or
// not unique.
func (im *Image) between(start, end string) (s span, ok bool) {
	first, last := im.Lookup(start), im.Lookup(end)
	if len(first) != 1 || len(last) != 1 {
		return span{}, false
	}
	s = span{im.Symbols[first[0]].Addr, im.Symbols[last[0]].Addr}
	return s, s.start < s.end
}

// Section returns the relocated contents of a module's section. It returns nil if there is no such
// section, and for the kernel's image.
func (im *Image) Section(name string) []byte { return im.sections[name].data }

// SectionAddr returns the address of a module's section, or 0 if Section is nil.
func (im *Image) SectionAddr(name string) uint64 { return im.sections[name].addr }

// indexAddrs returns the indices of symbols by address. Symbols with the same address are in table
// order.
func indexAddrs(symbols []Symbol) []int32 {
	order := make([]int32, min(len(symbols), math.MaxInt32))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortStableFunc(order, func(a, b int32) int { return cmp.Compare(symbols[a].Addr, symbols[b].Addr) })
	return order
}
