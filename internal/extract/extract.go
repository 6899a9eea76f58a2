// Package extract copies the changed parts of a patched object into an object of their own.
package extract

import (
	"debug/elf"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"

	"kintsugi/elfdiff"
	"kintsugi/internal/elfobj"
	"kintsugi/internal/objmodel"
)

// Object is an object with the changed parts.
type Object struct {
	File *elfobj.File
	// Replacements are the functions that replace functions of the kernel.
	Replacements []Replacement
	// Callbacks are the functions that the kernel will call.
	Callbacks []NamedCallback
	// Externals are the symbols that the object needs from the kernel. Their Sym is
	// undefined in File. The link of the module gives it the name of the kernel's symbol.
	Externals []External
}

// Replacement is a function that replaces another.
type Replacement struct {
	Func  *elfdiff.Function
	Alias string // global symbol in File by which C code can name the new function
}

// NamedCallback is a callback in an extracted object.
type NamedCallback struct {
	elfdiff.Callback
	Alias string // global symbol in File by which C code can name the function
}

// External is a symbol that the extracted object refers to and does not define.
type External struct {
	Name string
	Sym  *elfobj.Symbol // in the extracted file
	Old  *objmodel.Atom // where the original object defines it; nil: another unit does
	// TakenBy is the function or datum that uses the symbol's address for anything but a direct
	// branch, if nothing in the original object does so. For a variable, every reader or writer
	// counts.
	TakenBy string
}

// Options of an extraction.
type Options struct {
	// Prefix begins the names of the aliases, and distinguishes several units.
	Prefix string
	// Kernel is the unit as compiled in the kernel, if the original object of the comparison was
	// compiled in another way. It is nil if the original object is the kernel's.
	Kernel *objmodel.Object
}

// Cut extracts the contents of a comparison's result from the patched object.
func Cut(r *elfdiff.Result, opts Options) (*Object, error) {
	if r.Refused() {
		return nil, errors.New("a refused pair has nothing to extract")
	}
	if opts.Kernel == nil {
		opts.Kernel = r.Orig
	}
	src := r.Patched.File
	x := &extractor{res: r, opts: opts, placed: map[*objmodel.Atom]place{},
		file: &elfobj.File{Class: src.Class, ByteOrder: src.ByteOrder, OSABI: src.OSABI, ABIVersion: src.ABIVersion,
			Machine: src.Machine, Flags: src.Flags},
		sections: map[sectionKey]*elfobj.Section{}, sectionSyms: map[*elfobj.Section]*elfobj.Symbol{},
		relas: map[*elfobj.Section]*elfobj.Section{}, externals: map[any]*elfobj.Symbol{}}
	x.placeAll()
	x.defineSymbols()
	if err := x.relocate(); err != nil {
		return nil, err
	}
	x.loadConstants()
	x.finish()
	return &Object{File: x.file, Replacements: x.replacements, Callbacks: x.callbacks(), Externals: x.exts}, nil
}

type extractor struct {
	res          *elfdiff.Result
	opts         Options
	file         *elfobj.File
	placed       map[*objmodel.Atom]place
	sections     map[sectionKey]*elfobj.Section
	sectionSyms  map[*elfobj.Section]*elfobj.Symbol
	relas        map[*elfobj.Section]*elfobj.Section
	externals    map[any]*elfobj.Symbol
	exts         []External
	replacements []Replacement
}

// twin returns the atom of the original object that corresponds to a.
func (x *extractor) twin(a *objmodel.Atom) *objmodel.Atom { return x.res.Pairs.Twin(a) }

// sectionKey distinguishes the sections of the extracted file.
type sectionKey struct {
	name  string
	flags elf.SectionFlag
	typ   elf.SectionType
	owner *objmodel.Atom // function whose section an SHF_LINK_ORDER section is linked to
}

// place is the place of an atom in the extracted file.
type place struct {
	sec *elfobj.Section
	off uint64
	sym *elfobj.Symbol // nil: the section's symbol and off
}

// placeAll puts the contents into sections, in the order of the patched object.
func (x *extractor) placeAll() {
	for _, a := range x.res.Contents {
		x.put(a)
	}
	for key, s := range x.sections {
		if key.owner != nil {
			s.Link = x.placed[key.owner].sec
		}
	}
}

// put appends a to its section of the extracted file.
func (x *extractor) put(a *objmodel.Atom) {
	sec := x.section(a)
	align := a.Alignment()
	sec.Align = max(sec.Align, align)
	at := (sec.Len() + align - 1) / align * align
	if sec.Type == elf.SHT_NOBITS {
		sec.Size = at + a.Size
	} else {
		fill := byte(0)
		if sec.Flags&elf.SHF_EXECINSTR != 0 {
			fill = x.res.Patched.Arch.Code.Filler
		}
		for uint64(len(sec.Data)) < at {
			sec.Data = append(sec.Data, fill)
		}
		sec.Data = append(sec.Data, a.BytesWithPadding()...)
		at += a.EntryPadding()
	}
	x.placed[a] = place{sec: sec, off: at}
}

// section finds or creates the section for a.
func (x *extractor) section(a *objmodel.Atom) *elfobj.Section {
	name, flags := sectionName(a), a.Section.Flags&^(elf.SHF_MERGE|elf.SHF_STRINGS|elf.SHF_GROUP)
	key := sectionKey{name: name, flags: flags, typ: a.Section.Type}
	if flags&elf.SHF_LINK_ORDER != 0 {
		key.owner = a.Owner // such a section belongs to one text section
	}
	if s := x.sections[key]; s != nil {
		return s
	}
	s := &elfobj.Section{Name: name, Type: a.Section.Type, Flags: flags, Align: 1}
	if a.Kind == objmodel.Entry {
		s.EntSize = a.Section.EntSize
		s.Align = max(a.Section.Align, 1)
	}
	x.sections[key] = s
	x.file.Sections = append(x.file.Sections, s)
	return s
}

// sectionName returns the section of a in the extracted file. Each function and object has a
// section of its own, so that common tools can show the module.
func sectionName(a *objmodel.Atom) string {
	name := a.Section.Name
	switch {
	case a.Kind == objmodel.String:
		return ".rodata.str"
	case a.Kind == objmodel.Const:
		return ".rodata.cst"
	case a.Kind == objmodel.Func && strings.HasPrefix(name, ".text.unlikely"):
		return ".text.unlikely." + a.Name
	case a.Kind == objmodel.Func:
		return ".text." + a.Name
	case a.Kind != objmodel.Data, a.Spec.Registered, a.Spec.Registers:
		return name
	case a.Section.Type == elf.SHT_NOBITS:
		return ".bss." + a.Name
	case a.Writable():
		return ".data." + a.Name
	case a.RelRO():
		return objmodel.RelROSection + "." + a.Name
	}
	return ".rodata." + a.Name
}

// defineSymbols makes the file's own symbols, local ones first.
func (x *extractor) defineSymbols() {
	for _, s := range x.res.Patched.File.Symbols {
		if s.Type == elf.STT_FILE {
			x.addSymbol(&elfobj.Symbol{Name: s.Name, Type: elf.STT_FILE, Index: elf.SHN_ABS})
			break
		}
	}
	for _, s := range x.file.Sections {
		x.sectionSyms[s] = x.addSymbol(&elfobj.Symbol{Type: elf.STT_SECTION, Section: s})
	}
	for _, a := range x.res.Contents {
		if a.Name == "" {
			continue
		}
		p := x.placed[a]
		bind := elf.STB_LOCAL
		if x.twin(a) == nil && a.Global() {
			bind = elf.STB_GLOBAL // another unit of the patch may use it
		}
		p.sym = x.addSymbol(&elfobj.Symbol{Name: a.Name, Value: p.off, Size: a.Size, Type: a.Sym.Type, Bind: bind,
			Other: a.Sym.Other &^ visibility, Section: p.sec})
		x.placed[a] = p
	}
	for i, f := range x.res.Functions {
		if f.Patch {
			x.alias(i, f)
		}
	}
}

// visibility is the mask of a symbol's visibility in st_other. The other bits belong to the
// architecture (ppc64le: the local entry point).
const visibility = 3

func (x *extractor) addSymbol(s *elfobj.Symbol) *elfobj.Symbol {
	x.file.Symbols = append(x.file.Symbols, s)
	return s
}

// alias gives a replacing function a global name that C can write.
func (x *extractor) alias(n int, f *elfdiff.Function) {
	x.replacements = append(x.replacements, Replacement{Func: f, Alias: x.globalName(strconv.Itoa(n), f.New)})
}

// callbacks gives the callbacks such names too.
func (x *extractor) callbacks() []NamedCallback {
	var list []NamedCallback
	for _, c := range x.res.Callbacks {
		list = append(list, NamedCallback{Callback: c, Alias: x.globalName(string(c.Kind), c.Func)})
	}
	return list
}

// globalName adds a global symbol for the function a. what distinguishes several symbols of a.
func (x *extractor) globalName(what string, a *objmodel.Atom) string {
	p := x.placed[a]
	name := x.opts.Prefix + what + "_" + strings.Map(identifierRune, a.Name)
	x.addSymbol(&elfobj.Symbol{Name: name, Value: p.off, Size: a.Size, Type: elf.STT_FUNC, Bind: elf.STB_GLOBAL,
		Other: a.Sym.Other &^ visibility, Section: p.sec})
	return name
}

func identifierRune(r rune) rune {
	switch {
	case r == '_', r >= '0' && r <= '9', r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z':
		return r
	}
	return '_'
}

// relocate writes the relocations of the contents.
func (x *extractor) relocate() error {
	taken := map[*elfobj.Symbol]string{}
	for _, a := range x.res.Contents {
		p := x.placed[a]
		for i := range a.Refs {
			r := &a.Refs[i]
			sym, addend, err := x.target(a, r)
			if err != nil {
				return fmt.Errorf("%s: reference at +%#x: %w", a, r.Off, err)
			}
			if a.TakesAddress(r) && taken[sym] == "" {
				taken[sym] = a.String()
			}
			addend -= int64(a.UnwindsPadding(r))
			rela := x.rela(p.sec)
			rela.Relocs = append(rela.Relocs,
				elfobj.Reloc{Offset: p.off + r.Off, Type: r.Type, Sym: sym, Addend: addend + int64(r.Bias)})
		}
	}
	x.noteTaken(taken)
	return nil
}

// target returns the symbol and addend with which the extracted file refers to the target of r.
func (x *extractor) target(a *objmodel.Atom, r *objmodel.Ref) (*elfobj.Symbol, int64, error) {
	if r.Atom == nil {
		if r.Sym == nil {
			return nil, r.Addend, nil
		}
		return x.external(r.Sym.Name, r.Sym, nil), r.Addend, nil
	}
	if p, ok := x.placed[r.Atom]; ok && x.staysInside(a, r) {
		if p.sym != nil {
			return p.sym, r.Addend, nil
		}
		return x.sectionSyms[p.sec], int64(p.off) + r.Addend, nil
	}
	old := x.twin(r.Atom)
	if old == nil || r.Atom.Name == "" {
		return nil, 0, fmt.Errorf("%s is not in the module", r.Atom)
	}
	return x.external(old.Name, old, old), r.Addend, nil
}

// staysInside reports whether a reference to an atom of the contents refers to the copy in the
// module. A pointer to a function of the kernel refers to the original: the kernel compares such
// pointers, and they can be stored and outlive the module.
func (x *extractor) staysInside(a *objmodel.Atom, r *objmodel.Ref) bool {
	t := r.Atom
	if old := x.twin(t); t.Kind != objmodel.Func || old == nil || !old.Patchable() {
		return true
	}
	return r.Branch || r.Addend != 0 || a.Kind == objmodel.Entry || a.OfAlternative()
}

// external returns the undefined symbol for something outside the file. key distinguishes things
// with the same name.
func (x *extractor) external(name string, key any, old *objmodel.Atom) *elfobj.Symbol {
	if s := x.externals[key]; s != nil {
		return s
	}
	s := &elfobj.Symbol{Name: name, Bind: elf.STB_GLOBAL, Index: elf.SHN_UNDEF}
	if src, ok := key.(*elfobj.Symbol); ok && !src.Undefined() {
		s.Index, s.Value, s.Type, s.Bind = src.Index, src.Value, src.Type, src.Bind
		x.externals[key] = x.addSymbol(s)
		return s // absolute: needs no definition
	}
	x.externals[key] = x.addSymbol(s)
	if slices.Contains(x.res.Patched.Arch.Symbols.Linker, name) {
		return s
	}
	x.exts = append(x.exts, External{Name: name, Sym: s, Old: old})
	return s
}

func (x *extractor) rela(sec *elfobj.Section) *elfobj.Section {
	if s := x.relas[sec]; s != nil {
		return s
	}
	s := &elfobj.Section{Name: ".rela" + sec.Name, Type: elf.SHT_RELA, Flags: elf.SHF_INFO_LINK, Align: 8, EntSize: 24,
		Target: sec}
	x.relas[sec] = s
	return s
}

// finish puts each relocation section after its target section, and marks that the object needs no
// executable stack.
func (x *extractor) finish() {
	var list []*elfobj.Section
	for _, s := range x.file.Sections {
		list = append(list, s)
		if r := x.relas[s]; r != nil {
			sort.SliceStable(r.Relocs, func(i, j int) bool { return r.Relocs[i].Offset < r.Relocs[j].Offset })
			list = append(list, r)
		}
	}
	x.file.Sections = append(list, &elfobj.Section{Name: ".note.GNU-stack", Type: elf.SHT_PROGBITS, Align: 1})
}
