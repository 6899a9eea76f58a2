// Package objmodel divides relocatable objects into functions, data objects, strings and
// entries of special sections, each with its references. It handles a single object at a
// time and compares nothing.
package objmodel

import (
	"debug/elf"
	"fmt"
	"strings"

	"kintsugi/internal/arch"
	"kintsugi/internal/elfobj"
)

// Kind is the kind of an Atom.
type Kind uint8

const (
	Func   Kind = iota // a function, or a .cold or .part of one
	Data               // a named object
	String             // one NUL-terminated string of a mergeable section
	Const              // one constant of a mergeable section
	Anon               // a stretch of a section that no symbol names
	Entry              // one entry of a special section
)

// Atom is the smallest piece of an object that is moved as a whole.
type Atom struct {
	Kind    Kind
	Name    string // of Func and Data; empty for the others
	Sym     *elfobj.Symbol
	Aliases []*elfobj.Symbol // further symbols with the same address
	Section *elfobj.Section
	Spec    *arch.Section // row of Section; Unowned for a section that is neither known nor plain
	Off     uint64        // offset in Section
	Size    uint64        // bytes
	Refs    []Ref         // by offset
	Entries []*Atom       // entries of special sections that this function owns, by section, in section order
	Owner   *Atom         // function that an Entry or the code of an alternative belongs to
	Users   []*Atom       // atoms that refer to this one, in object order
	Order   int           // index in Object.Atoms

	Undecodable bool // some instruction cannot be decoded
	NeedsGOT    bool // a reference needs an entry of the global offset table
	ShortBranch bool // a short branch leads into another function, which cannot be moved

	code          []byte // contents with the fields of resolved branches zeroed; nil: those of Section
	refersUnnamed bool   // a reference is to something that has no name
}

// Ref is a relocation with its target.
type Ref struct {
	Off    uint64         // offset of the field from the atom's start
	Sym    *elfobj.Symbol // undefined or absolute symbol; nil if Atom is set
	Atom   *Atom
	Addend int64 // offset of the target from Atom or Sym, without the PC-relative bias
	Type   uint32
	Bias   int8 // r_addend minus Addend: the distance from the instruction's end to the field
	Branch bool // field of a direct call or jump

	// Before is the atom that ends where the reference points, if Atom begins there and only the
	// place decides which of the two is meant.
	Before *Atom
}

// Object is a relocatable object, divided into atoms. It never changes after Load.
type Object struct {
	File  *elfobj.File
	Arch  *arch.Arch
	Atoms []*Atom // in section order, then by offset

	relocs    []arch.Reloc // Arch.RelocList()
	bySection map[*elfobj.Section][]*Atom
	bySymbol  map[*elfobj.Symbol]*Atom
}

// Load divides f into atoms.
func Load(f *elfobj.File) (*Object, error) {
	a, err := arch.ByMachine(f.Machine)
	if err != nil {
		return nil, err
	}
	o := &Object{File: f, Arch: a, relocs: a.RelocList(),
		bySection: make(map[*elfobj.Section][]*Atom, len(f.Sections)),
		bySymbol:  make(map[*elfobj.Symbol]*Atom, len(f.Symbols))}
	relocs := relocsBySection(f)
	if err := checkStrings(f); err != nil {
		return nil, err
	}
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
	for i, a := range o.Atoms {
		a.Order = i
	}
	return o, nil
}

// Functions returns the functions in object order.
func (o *Object) Functions() []*Atom {
	var list []*Atom
	for _, a := range o.Atoms {
		if a.Kind == Func {
			list = append(list, a)
		}
	}
	return list
}

// AtomOf returns the atom that defines sym, or nil for undefined symbols.
func (o *Object) AtomOf(sym *elfobj.Symbol) *Atom { return o.bySymbol[sym] }

// Reloc describes what a relocation of type typ writes. It is the zero value for a type that the
// machine does not have.
func (o *Object) Reloc(typ uint32) arch.Reloc {
	if typ >= uint32(len(o.relocs)) {
		return arch.Reloc{}
	}
	return o.relocs[typ]
}

// InsnLen returns the length in bytes of the first instruction in code, or 0 if it is unknown.
func (o *Object) InsnLen(code []byte) int {
	if o.Arch.Code.Decode == nil {
		return 0
	}
	return int(o.Arch.Code.Decode(code).Size)
}

// SharedSection reports whether sec has more than one function.
func (o *Object) SharedSection(sec *elfobj.Section) bool {
	n := 0
	for _, a := range o.bySection[sec] {
		if a.Kind == Func {
			n++
		}
	}
	return n > 1
}

// Bytes returns the atom's contents, or nil in sections without contents (.bss).
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
	return a.Section.Flags&elf.SHF_WRITE != 0 && !a.Spec.Pool && !a.RelRO()
}

// RelRO reports whether a is a constant that the compiler expects to be relocated when code is
// loaded (-fPIE). Its section is writable for this reason, but part of a kernel's read-only data.
func (a *Atom) RelRO() bool { return strings.HasPrefix(a.Section.Name, RelROSection) }

// RelROSection begins the names of such sections.
const RelROSection = ".data.rel.ro"

// IsConst reports whether nothing can have written to a since the kernel was built. A private copy
// of it is then as good as the original.
func (a *Atom) IsConst() bool {
	switch a.Kind {
	case String, Const:
		return true
	}
	return !a.Writable() && a.Section.Flags&elf.SHF_EXECINSTR == 0 && a.Section.Type != elf.SHT_NOBITS
}

// Global reports whether other objects can refer to the atom by name.
func (a *Atom) Global() bool { return a.Sym != nil && a.Sym.Bind != elf.STB_LOCAL }

// Symbols returns all symbols of a.
func (a *Atom) Symbols() []*elfobj.Symbol {
	if a.Sym == nil {
		return nil
	}
	return append([]*elfobj.Symbol{a.Sym}, a.Aliases...)
}

// Init reports whether the kernel frees the atom after boot.
func (a *Atom) Init() bool { return isInitSection(a.Section.Name) }

func isInitSection(name string) bool {
	return strings.HasPrefix(name, ".init.") || strings.HasPrefix(name, ".exit.") ||
		strings.HasPrefix(name, ".meminit.") || strings.HasPrefix(name, ".devinit.")
}

// Patchable reports whether the function has an ftrace site at its entry.
func (a *Atom) Patchable() bool {
	for _, e := range a.Entries {
		if e.Spec.Ftrace {
			return true
		}
	}
	return false
}

// Unwinding reports whether a is the unwind entries of a function.
func (a *Atom) Unwinding() bool { return a.Kind == Entry && a.Spec.Parallel != "" }

// Describes reports whether a describes a call site (struct _ddebug,
// include/linux/dynamic_debug.h).
func (a *Atom) Describes() bool { return a.Kind == Data && a.Spec.Describes }

// OfAlternative reports whether a is in a section of alternative code.
func (a *Atom) OfAlternative() bool { return strings.HasPrefix(a.Section.Name, ".altinstr") }

// Alignment returns the alignment that users of the atom may rely on: its section's alignment if it
// begins the section, otherwise the largest power of two that divides its offset.
func (a *Atom) Alignment() uint64 {
	align := max(a.Section.Align, 1)
	switch a.Kind {
	case Entry:
		return 1 // entries are packed
	case Func:
		return align
	}
	for a.Off%align != 0 {
		align /= 2
	}
	return align
}

// Text returns the string at off of a String atom, without its end. The section determines the
// bytes per character.
func (a *Atom) Text(off int64) string { return string(a.TextBytes(off)) }

// TextBytes is Text as bytes, which belong to the object.
func (a *Atom) TextBytes(off int64) []byte {
	b := a.Bytes()
	if off < 0 || off > int64(len(b)) {
		return nil
	}
	b = b[off:]
	unit := int(max(a.Section.EntSize, 1))
	for i := 0; i+unit <= len(b); i += unit {
		if isZero(b[i : i+unit]) {
			return b[:i]
		}
	}
	return b
}

func (a *Atom) String() string {
	if a.Name != "" {
		return a.Name
	}
	return fmt.Sprintf("%s+%#x", a.Section.Name, a.Off)
}
