package elfdiff

import (
	"cmp"
	"debug/elf"
	"fmt"
	"slices"
	"sort"
	"strings"

	"kintsugi/internal/elfobj"
)

// Kind is what an Atom is.
type Kind uint8

const (
	Func   Kind = iota // a function, or a .cold or .part of one
	Data               // a named object
	String             // one NUL-terminated string of a mergeable section
	Const              // one constant of a mergeable section
	Anon               // a stretch of a section that no symbol names
	Entry              // one entry of a special section
)

// Atom is the smallest piece of an object that lives or travels as one.
type Atom struct {
	Kind    Kind
	Name    string // of Func and Data; empty for the others
	Sym     *elfobj.Symbol
	Aliases []*elfobj.Symbol // further symbols with the same address
	Section *elfobj.Section
	Off     uint64   // in Section
	Size    uint64   // bytes
	Refs    []Ref    // by offset
	Entries []*Atom  // of special sections, owned by this function, by section and in its order
	Owner   *Atom    // function that an Entry or the code of an alternative belongs to
	Spec    *special // of an Entry

	code  []byte  // contents with the fields of resolved branches zeroed; nil: those of Section
	lost  bool    // some instruction of it cannot be decoded
	loose bool    // it refers to something that has no name
	got   bool    // it needs an entry of the global offset table
	short bool    // it has a short branch into another function, which cannot be moved
	users []*Atom // atoms that refer to this one, in object order
	twin  *Atom   // the same atom in the other object
	order int     // position in the object
}

// Ref is one relocation, resolved to what it points at.
type Ref struct {
	Off    uint64         // of the field, from the atom's start
	Sym    *elfobj.Symbol // undefined or absolute symbol; nil where Atom is set
	Atom   *Atom
	Addend int64 // what is pointed at, from the start of Atom or from Sym, without the PC-relative bias
	Type   uint32
	Bias   int8 // r_addend less Addend: the way from the field to the instruction's end
	Branch bool // field of a direct call or jump

	// edge is the atom that ends where the reference points, if that is also
	// where Atom begins and only the place tells which of the two is meant.
	edge *Atom
}

// Object is a relocatable object taken apart.
type Object struct {
	File  *elfobj.File
	Atoms []*Atom // in section order, then by offset

	arch      *arch
	kinds     []relocKind // of the relocations that arch knows, by type
	bySection map[*elfobj.Section][]*Atom
	bySymbol  map[*elfobj.Symbol]*Atom
}

// Load takes f apart: into functions, data objects, strings and entries of
// special sections, with every relocation resolved to the atom that it points at.
func Load(f *elfobj.File) (*Object, error) {
	a, err := archOf(f.Machine)
	if err != nil {
		return nil, err
	}
	o := &Object{File: f, arch: a, kinds: a.kinds(),
		bySection: make(map[*elfobj.Section][]*Atom, len(f.Sections)), bySymbol: make(map[*elfobj.Symbol]*Atom, len(f.Symbols))}
	relocs := relocsBySection(f)
	o.split(relocs)
	if err := o.resolve(relocs); err != nil {
		return nil, err
	}
	o.cutAnonymous()
	if err := o.attachEntries(); err != nil {
		return nil, err
	}
	o.sortEntries()
	o.linkUsers()
	return o, nil
}

// Functions are the object's functions in object order.
func (o *Object) Functions() []*Atom {
	var list []*Atom
	for _, a := range o.Atoms {
		if a.Kind == Func {
			list = append(list, a)
		}
	}
	return list
}

// AtomOf is the atom that sym is defined in, nil for undefined symbols.
func (o *Object) AtomOf(sym *elfobj.Symbol) *Atom { return o.bySymbol[sym] }

// Bytes are the atom's contents, nil in sections without any (.bss).
func (a *Atom) Bytes() []byte {
	if a.code != nil {
		return a.code
	}
	if a.Section.Type == elf.SHT_NOBITS || a.Off+a.Size > uint64(len(a.Section.Data)) {
		return nil
	}
	return a.Section.Data[a.Off : a.Off+a.Size]
}

// Writable reports whether the running kernel may have changed the atom.
func (a *Atom) Writable() bool {
	return a.Section.Flags&elf.SHF_WRITE != 0 && !a.pool() && !a.relRO()
}

// relRO reports whether a is a constant that the compiler expects to be
// relocated where code is loaded (-fPIE): sections of it are writable for
// that, and part of a kernel's read-only data.
func (a *Atom) relRO() bool { return strings.HasPrefix(a.Section.Name, relROSection) }

const relROSection = ".data.rel.ro"

// pool reports whether a holds addresses for code to load, which only the
// linker writes.
func (a *Atom) pool() bool { return a.Section.Name == tocSection }

// Global reports whether other objects can refer to the atom by name.
func (a *Atom) Global() bool { return a.Sym != nil && a.Sym.Bind != elf.STB_LOCAL }

// Init reports whether the atom is gone once the kernel has booted.
func (a *Atom) Init() bool { return isInitSection(a.Section.Name) }

// Patchable reports whether the function has an ftrace site at its entry.
func (a *Atom) Patchable() bool {
	for _, e := range a.Entries {
		if e.Spec.ftrace {
			return true
		}
	}
	return false
}

func isInitSection(name string) bool {
	return strings.HasPrefix(name, ".init.") || strings.HasPrefix(name, ".exit.") ||
		strings.HasPrefix(name, ".meminit.") || strings.HasPrefix(name, ".devinit.")
}

// sectionRelocs are the relocations of every allocated section, by offset.
type sectionRelocs map[*elfobj.Section][]elfobj.Reloc

func relocsBySection(f *elfobj.File) sectionRelocs {
	m := sectionRelocs{}
	for _, s := range f.Sections {
		if s.Target == nil || !reachesKernel(s.Target) {
			continue
		}
		if m[s.Target] == nil {
			m[s.Target] = s.Relocs
			continue
		}
		m[s.Target] = slices.Concat(m[s.Target], s.Relocs)
	}
	for target, list := range m {
		if slices.ContainsFunc(list, saysNothing) {
			list = slices.DeleteFunc(slices.Clone(list), saysNothing)
			m[target] = list
		}
		byOffset := func(a, b elfobj.Reloc) int { return cmp.Compare(a.Offset, b.Offset) }
		if !slices.IsSortedFunc(list, byOffset) {
			m[target] = slices.SortedStableFunc(slices.Values(list), byOffset)
		}
	}
	return m
}

// saysNothing reports whether a relocation is R_*_NONE, which is 0 on all
// architectures: what objtool makes of those that belong to an instruction it
// has replaced. The symbol is still there and means nothing.
func saysNothing(r elfobj.Reloc) bool { return r.Type == 0 }

// split makes the atoms of every allocated section.
func (o *Object) split(relocs sectionRelocs) {
	symbols := map[*elfobj.Section][]*elfobj.Symbol{}
	for _, s := range o.File.Symbols {
		if s.Section != nil && s.Type != elf.STT_SECTION && s.Type != elf.STT_FILE && !o.arch.isLabel(s) {
			symbols[s.Section] = append(symbols[s.Section], s)
		}
	}
	for _, sec := range o.File.Sections {
		if !reachesKernel(sec) {
			continue
		}
		atoms := o.splitSection(sec, symbols[sec], relocs[sec])
		for i, a := range atoms {
			a.order = len(o.Atoms) + i
		}
		o.Atoms = append(o.Atoms, atoms...)
		o.bySection[sec] = atoms
	}
}

// reachesKernel reports whether the section is part of a linked kernel:
// debug info is not, nor is what the linker script throws away (DISCARDS,
// include/asm-generic/vmlinux.lds.h), nor what the author of a patch says.
func reachesKernel(sec *elfobj.Section) bool {
	return sec.Flags&elf.SHF_ALLOC != 0 && sec.Type != elf.SHT_RELA && sec.Type != elf.SHT_GROUP &&
		!strings.HasPrefix(sec.Name, ".discard.") && !isAuthors(sec.Name)
}

func (o *Object) splitSection(sec *elfobj.Section, syms []*elfobj.Symbol, relocs []elfobj.Reloc) []*Atom {
	spec, isSpecial := o.arch.specialOf(sec.Name)
	switch {
	case isSpecial && spec.relocs > 0:
		return splitEntries(sec, spec, relocs)
	case isSpecial && spec.parallel != "":
		return whole(sec) // cut when it is known where functions are
	case isSpecial && spec.parallelTo != "":
		return nil // goes with the other
	case sec.Flags&elf.SHF_MERGE != 0:
		return splitMergeable(sec)
	}
	return o.splitBySymbol(sec, syms)
}

// whole is a section as one atom without a name.
func whole(sec *elfobj.Section) []*Atom {
	if len(sec.Data) == 0 {
		return nil
	}
	return []*Atom{{Kind: Anon, Section: sec, Size: uint64(len(sec.Data))}}
}

// splitEntries makes one atom per entry. Where the entries cannot be told
// apart, the section stays one atom that belongs to no function, and any
// difference in it is refused later.
func splitEntries(sec *elfobj.Section, spec special, relocs []elfobj.Reloc) []*Atom {
	if len(sec.Data) == 0 {
		return nil
	}
	size, err := spec.entrySize(sec, relocs)
	if err != nil {
		return whole(sec)
	}
	entries := make([]Atom, uint64(len(sec.Data))/size)
	atoms := make([]*Atom, len(entries))
	for i := range entries {
		entries[i] = Atom{Kind: Entry, Section: sec, Off: uint64(i) * size, Size: size, Spec: &spec}
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

// stringExtent is the size of the string at off, of characters of unit bytes,
// with its end and the padding that aligns the next one.
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

// splitBySymbol makes one atom per function or object symbol and one for
// each stretch between them that is not padding. Symbols inside another's
// range are labels of it.
func (o *Object) splitBySymbol(sec *elfobj.Section, syms []*elfobj.Symbol) []*Atom {
	size := sectionSize(sec)
	slices.SortStableFunc(syms, symbolOrder)
	slab := make([]Atom, len(syms)) // each symbol makes one atom at most
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
			continue // outside of its section: nothing can be there
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

// extent is the size of the first symbol. One without a size, as assembly
// has them, reaches to the next symbol.
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

// symbolOrder orders the symbols of one section: by address, the longest
// first, global before local but for what only modpost reads, then by name.
func symbolOrder(a, b *elfobj.Symbol) int {
	return cmp.Or(cmp.Compare(a.Value, b.Value), cmp.Compare(b.Size, a.Size), cmp.Compare(forModpost(a), forModpost(b)),
		cmp.Compare(b.Bind, a.Bind), cmp.Compare(a.Name, b.Name))
}

// forModpost is 1 for the global alias that MODULE_DEVICE_TABLE gives a table,
// so that modpost finds it (include/linux/module.h): no code refers to it. It
// is 0 for all other symbols.
func forModpost(s *elfobj.Symbol) int {
	if strings.HasPrefix(s.Name, "__mod_") && strings.HasSuffix(s.Name, "_device_table") || strings.HasPrefix(s.Name, "__mod_device_table__") {
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
		return o.arch.padding(gap)
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

// find is the atom of sec that pos lies in. A position outside of every atom
// belongs to the one before it (one past the end of an array), or to the
// first.
func (o *Object) find(sec *elfobj.Section, pos int64) *Atom {
	f := finder{obj: o}
	return f.find(sec, pos)
}

// finder finds atoms by their places, first where the last one was: many
// relocations come in the order of what they point at.
type finder struct {
	obj     *Object
	section *elfobj.Section
	atoms   []*Atom // of the section
	last    int
}

func (f *finder) find(sec *elfobj.Section, pos int64) *Atom {
	if sec != f.section {
		f.section, f.atoms, f.last = sec, f.obj.bySection[sec], 0
	}
	if len(f.atoms) == 0 {
		return nil
	}
	for i := f.last; i < min(f.last+2, len(f.atoms)); i++ {
		if int64(f.atoms[i].Off) <= pos && (i+1 == len(f.atoms) || pos < int64(f.atoms[i+1].Off)) {
			f.last = i
			return f.atoms[i]
		}
	}
	i := sort.Search(len(f.atoms), func(i int) bool { return int64(f.atoms[i].Off) > pos })
	f.last = max(i-1, 0)
	return f.atoms[f.last]
}

func (a *Atom) String() string {
	if a.Name != "" {
		return a.Name
	}
	return fmt.Sprintf("%s+%#x", a.Section.Name, a.Off)
}
