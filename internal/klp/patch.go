package klp

import (
	"bytes"
	"cmp"
	"debug/elf"
	"slices"

	"kintsugi/internal/arch"
	"kintsugi/internal/elfobj"
)

// A livepatch describes itself in arrays of structs in its data:
//
//	struct klp_patch  { struct module *mod; struct klp_object *objs; [struct klp_state *states;] bool replace; ... }
//	struct klp_object { const char *name; struct klp_func *funcs; struct klp_callbacks callbacks; ... }
//	struct klp_func   { const char *old_name; void *new_func; unsigned long old_sympos; ... }
//
// (include/linux/livepatch.h; states since 5.5, replace since 5.1). The size of
// the structs depends on the kernel and its configuration, but the pointers at
// their begin have fixed offsets, and each is a relocation. The size of an entry
// is the size with which all pointers of an array fall on fields that have such a
// pointer.
const (
	pointerSize   = 8
	minFuncSize   = 3 * pointerSize
	minObjectSize = 7 * pointerSize
	maxEntrySize  = 4096 // bytes, about twenty times the real sizes
	stateSize     = 3 * pointerSize
)

// maxSteps limits the work on the tables of a hostile file. A patch of a thousand
// functions needs a hundredth of it.
const maxSteps = 1 << 24

// callbackNames are the pointers in struct klp_callbacks.
var callbackNames = []string{"pre_patch", "post_patch", "pre_unpatch", "post_unpatch"}

// place is the target of a pointer: section and offset, or an undefined symbol.
type place struct {
	section *elfobj.Section
	offset  uint64
	symbol  *elfobj.Symbol
}

// isCode reports whether p may be a function.
func (p place) isCode() bool {
	return p.section == nil || p.section.Flags&elf.SHF_EXECINSTR != 0
}

// pointer is a relocated field of a data section.
type pointer struct {
	offset uint64
	to     place
}

// isModule reports whether p is THIS_MODULE.
func (p pointer) isModule() bool {
	return p.to.section != nil && p.to.section.Name == thisModuleSection && p.to.offset == 0
}

// readPointers returns the pointers of each section in ascending order.
func (m *moduleFile) readPointers() map[*elfobj.Section][]pointer {
	found := map[*elfobj.Section][]pointer{}
	machine, err := arch.ByMachine(m.Machine)
	if err != nil {
		return found
	}
	for _, s := range m.Sections {
		if s.Type != elf.SHT_RELA || s.Target == nil || s.Target.Flags&elf.SHF_WRITE == 0 {
			continue
		}
		for _, r := range s.Relocs {
			if r.Type == machine.Loader.Absolute && r.Sym != nil {
				to := place{section: r.Sym.Section, offset: r.Sym.Value + uint64(r.Addend), symbol: r.Sym}
				found[s.Target] = append(found[s.Target], pointer{r.Offset, to})
			}
		}
	}
	for _, pointers := range found {
		slices.SortStableFunc(pointers, func(a, b pointer) int { return cmp.Compare(a.offset, b.offset) })
	}
	return found
}

// at is the pointer in a field.
func (m *moduleFile) at(s *elfobj.Section, offset uint64) (place, bool) {
	pointers := m.pointers[s]
	i, ok := slices.BinarySearchFunc(pointers, offset,
		func(p pointer, off uint64) int { return cmp.Compare(p.offset, off) })
	if !ok {
		return place{}, false
	}
	return pointers[i].to, true
}

// patch finds the struct klp_patch: it begins with a pointer to the module
// and one to an array of objects. Only one can be enabled by a module, as its
// kobject has the module's name.
func (m *moduleFile) patch() *Patch {
	var found *Patch
	for _, s := range m.Sections {
		for _, p := range m.pointers[s] {
			if !p.isModule() {
				continue
			}
			patch := m.patchAt(s, p.offset)
			if patch != nil && (found == nil || len(found.Objects[0].Functions) == 0) {
				found = patch
			}
		}
	}
	return found
}

func (m *moduleFile) patchAt(s *elfobj.Section, offset uint64) *Patch {
	objs, ok := m.at(s, offset+pointerSize)
	if !ok || objs.isCode() {
		return nil
	}
	entries, ok := m.array(objs, minObjectSize, objectField)
	if !ok || len(entries) == 0 {
		return nil
	}
	patch := &Patch{Replace: m.replace(s, offset)}
	for _, e := range entries {
		patch.Objects = append(patch.Objects, m.object(objs.section, e))
	}
	if states, ok := m.at(s, offset+2*pointerSize); ok {
		patch.States = m.states(states)
	}
	return patch
}

// replace reads the member replace. It follows the pointer to states, which
// kernels before 5.5 do not have: there a list_head follows, which is zero in a
// file.
func (m *moduleFile) replace(s *elfobj.Section, offset uint64) bool {
	for _, at := range []uint64{offset + 2*pointerSize, offset + 3*pointerSize} {
		if at < uint64(len(s.Data)) && s.Data[at] != 0 {
			return true
		}
	}
	return false
}

func objectField(field uint64, to place) bool {
	switch field {
	case 0, pointerSize: // name, funcs
		return !to.isCode()
	}
	callbacks := uint64(2 * pointerSize)
	return field >= callbacks && field < callbacks+uint64(len(callbackNames))*pointerSize && to.isCode()
}

func funcField(field uint64, to place) bool {
	switch field {
	case 0: // old_name
		return !to.isCode()
	case pointerSize: // new_func
		return to.isCode()
	}
	return false
}

func (m *moduleFile) object(s *elfobj.Section, offset uint64) Object {
	o := Object{Name: Vmlinux, Functions: []Function{}}
	if name, ok := m.at(s, offset); ok {
		o.Name = cstring(name)
	}
	for i, name := range callbackNames {
		if _, ok := m.at(s, offset+uint64(2+i)*pointerSize); ok {
			o.Callbacks = append(o.Callbacks, name)
		}
	}
	funcs, ok := m.at(s, offset+pointerSize)
	if !ok {
		o.Unlisted = true
		return o
	}
	entries, _ := m.array(funcs, minFuncSize, funcField)
	for _, e := range entries {
		o.Functions = append(o.Functions, m.function(funcs.section, e))
	}
	return o
}

func (m *moduleFile) function(s *elfobj.Section, offset uint64) Function {
	var f Function
	if name, ok := m.at(s, offset); ok {
		f.OldName = cstring(name)
	}
	if at := offset + 2*pointerSize; at+pointerSize <= uint64(len(s.Data)) {
		f.SymPos = m.ByteOrder.Uint64(s.Data[at:])
	}
	code, ok := m.at(s, offset+pointerSize)
	if !ok {
		return f
	}
	f.code = code
	if sym := m.symbolAt(code); sym != nil {
		f.NewFunc, f.Size = sym.Name, sym.Size
	}
	return f
}

// symbolAt is the function at p, or the undefined symbol of p.
func (m *moduleFile) symbolAt(p place) *elfobj.Symbol {
	if p.section == nil || p.symbol.Type == elf.STT_FUNC && p.symbol.Value == p.offset {
		return p.symbol
	}
	return m.funcs[spot{p.section, p.offset}]
}

// states reads an array of struct klp_state, which ends with the ID 0.
func (m *moduleFile) states(at place) []State {
	var states []State
	if at.section == nil || at.offset > uint64(len(at.section.Data)) {
		return nil
	}
	for b := at.section.Data[at.offset:]; len(b) >= stateSize; b = b[stateSize:] {
		s := State{ID: m.ByteOrder.Uint64(b), Version: m.ByteOrder.Uint32(b[pointerSize:])}
		if s.ID == 0 {
			break
		}
		states = append(states, s)
	}
	return states
}

// array returns the offsets of the entries of the array at p that have pointers.
// ok is false if no size of an entry fits, or no zero entry ends the array.
func (m *moduleFile) array(p place, minSize uint64, fits func(field uint64, to place) bool) (entries []uint64,
	ok bool) {
	if p.section == nil {
		return nil, false
	}
	end := m.end(p)
	pointers := m.between(p.section, p.offset, end)
	for size := minSize; size <= maxEntrySize && 2*size <= end-p.offset; size += pointerSize {
		n, ok := m.count(pointers, p.offset, size, fits)
		if !ok || (n+1)*size > end-p.offset {
			continue
		}
		for i := range n {
			entries = append(entries, p.offset+i*size)
		}
		return entries, true
	}
	return nil, false
}

// count returns the number of entries if size is their size.
func (m *moduleFile) count(pointers []pointer, start, size uint64, fits func(uint64, place) bool) (n uint64, ok bool) {
	for _, p := range pointers {
		m.steps--
		entry, field := (p.offset-start)/size, (p.offset-start)%size
		if m.steps < 0 || entry > n || !fits(field, p.to) {
			return 0, false
		}
		n = max(n, entry+1)
	}
	return n, true
}

// end is the end of the array at p: the end of its symbol, else the begin of the
// next object.
func (m *moduleFile) end(p place) uint64 {
	size := uint64(len(p.section.Data))
	starts := m.starts[p.section]
	if i, _ := slices.BinarySearch(starts, p.offset+1); i < len(starts) {
		size = min(size, starts[i])
	}
	if n := m.sizes[spot{p.section, p.offset}]; n > 0 && size > p.offset && n < size-p.offset {
		return p.offset + n
	}
	return max(size, p.offset)
}

// spot is a place in a section, as a key of maps.
type spot struct {
	section *elfobj.Section
	offset  uint64
}

// index records for end where objects begin in data sections: at symbols, at the
// targets of pointers, and at pointers to the module, as such a pointer is the
// first field of its struct.
func (m *moduleFile) index() {
	m.starts, m.sizes = map[*elfobj.Section][]uint64{}, map[spot]uint64{}
	m.funcs = map[spot]*elfobj.Symbol{}
	for _, s := range m.Symbols {
		at := spot{s.Section, s.Value}
		switch {
		case s.Section == nil || s.Type == elf.STT_SECTION:
			continue
		case s.Type == elf.STT_FUNC && m.funcs[at] == nil:
			m.funcs[at] = s
		case s.Type == elf.STT_OBJECT:
			m.sizes[at] = s.Size
		}
		m.starts[s.Section] = append(m.starts[s.Section], s.Value)
	}
	for s, pointers := range m.pointers {
		for _, p := range pointers {
			m.starts[p.to.section] = append(m.starts[p.to.section], p.to.offset)
			if p.isModule() {
				m.starts[s] = append(m.starts[s], p.offset)
			}
		}
	}
	for _, starts := range m.starts {
		slices.Sort(starts)
	}
}

// between returns the pointers in [start, end) of a section.
func (m *moduleFile) between(s *elfobj.Section, start, end uint64) []pointer {
	pointers := m.pointers[s]
	from, _ := slices.BinarySearchFunc(pointers, start,
		func(p pointer, off uint64) int { return cmp.Compare(p.offset, off) })
	to, _ := slices.BinarySearchFunc(pointers, end, func(p pointer, off uint64) int { return cmp.Compare(p.offset, off) })
	return pointers[from:max(from, to)]
}

// cstring is the string at p. It is empty if p has no string of at most maxName
// bytes.
func cstring(p place) string {
	if p.section == nil || p.offset >= uint64(len(p.section.Data)) {
		return ""
	}
	data := p.section.Data[p.offset:]
	name, _, ok := bytes.Cut(data[:min(len(data), maxName)], []byte{0})
	if !ok {
		return ""
	}
	return string(name)
}
