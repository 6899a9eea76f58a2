package elfdiff

import (
	"debug/elf"
	"fmt"
	"maps"
	"strings"

	"kintsugi/internal/elfobj"
)

// arch is what the differ knows of one architecture, as data.
type arch struct {
	machine elf.Machine
	name    string
	// relocs are the relocations that its kernels use.
	relocs map[uint32]relocKind
	// decode reads the instruction that code begins with; nil where relocations
	// in code need no decoding, and assemblers leave all references between
	// functions to the linker. near and short are the relocations for relative
	// fields of 4 bytes and of one.
	decode      func(code []byte) instruction
	near, short uint32
	// ungot makes the instruction of a field with a relocation of that kind one
	// that needs no table, if it can.
	ungot func(code []byte, field *Ref) bool
	// branches tells direct branches by the code at off, where the type of a
	// PC-relative relocation does not; nil where it does.
	branches func(code []byte, off uint64) bool
	// padding reports whether code is nothing but filler between functions.
	padding func(code []byte) bool
	// mapping are symbols that say what kind of contents begins, and name none
	// ($x, $d; also followed by a dot and anything).
	mapping []string
	// linker are undefined symbols that the linker itself defines.
	linker map[string]bool
	// loadVariable has code load a variable from memory where the number at off
	// is that of a runtime constant, and returns the field that is to be
	// relocated; nil where no such change is known.
	loadVariable func(code []byte, off int64) (field Ref, ok bool)
	// sections are the special sections, by name.
	sections map[string]special
}

// relocKind is what a relocation writes.
type relocKind struct {
	known bool
	size  uint8 // bytes of the field; 0: it changes nothing, or what others at its place do
	pcrel bool
	got   bool // it is of an entry in the global offset table, which the linker makes
	// branch marks the fields of direct calls and jumps, where no instruction is decoded.
	branch bool
	// bias is the distance from the field to where the instruction counts from,
	// which the assembler has put into the addend; for code, likewise.
	bias int8
}

// instruction is what the differ needs to know of one.
type instruction struct {
	size   uint8 // bytes; 0: it cannot be decoded
	branch bool  // a direct call or jump
	// relative is where the field begins that counts from the next instruction,
	// relativeSize how long it is; 0: there is none.
	relative, relativeSize uint8
	// address is where the address begins that is read or written at and not
	// handed on, 0: there is none; direct: no register is added to it.
	address uint8
	direct  bool
}

// RelocField gives the size in bytes of the field that a relocation of type
// typ fills on machine, and whether it is relative to the field's own
// address. ok is false for types that kintsugi does not know.
func RelocField(machine elf.Machine, typ uint32) (size int, pcrel, ok bool) {
	a, err := archOf(machine)
	if err != nil {
		return 0, false, false
	}
	k, ok := a.relocs[typ]
	return int(k.size), k.pcrel, ok
}

// kinds is relocs as a list, by type: there is one look-up for every relocation.
func (a *arch) kinds() []relocKind {
	var list []relocKind
	for typ, kind := range a.relocs {
		kind.known = true
		list = append(list, make([]relocKind, max(0, int(typ)+1-len(list)))...)
		list[typ] = kind
	}
	return list
}

func (o *Object) known(typ uint32) bool { return typ < uint32(len(o.kinds)) && o.kinds[typ].known }

func archOf(m elf.Machine) (*arch, error) {
	for _, a := range []*arch{&amd64, &arm64, &ppc64le, &s390x, &loong64} {
		if a.machine == m {
			return a, nil
		}
	}
	return nil, fmt.Errorf("unsupported machine %v", m)
}

// withCommon adds the special sections that all architectures have
// (include/asm-generic/vmlinux.lds.h, scripts/module.lds.S).
func withCommon(own map[string]special) map[string]special {
	all := map[string]special{
		"__bug_table":                  {relocs: 1, orRelocs: 2}, // with CONFIG_DEBUG_BUGVERBOSE
		"__ex_table":                   {relocs: 2, orRelocs: 3}, // before 5.16
		".altinstructions":             {relocs: 2},
		"__jump_table":                 {relocs: 3},
		"__mcount_loc":                 {relocs: 1, ftrace: true},
		"__patchable_function_entries": {relocs: 1, ftrace: true},
		".kcfi_traps":                  {relocs: 1},
		"__dyndbg":                     {describes: true},
		".printk_index":                {unowned: true},
		"__tracepoints":                {unowned: true},
		"__tracepoints_ptrs":           {unowned: true},
		"__tracepoint_check":           {unowned: true},
		".modinfo":                     {unowned: true},
		"__param":                      {unowned: true},
		"__modver":                     {unowned: true},
		".note.gnu.property":           {drop: true},
		".note.GNU-stack":              {drop: true},
		".note.Linux":                  {unowned: true},
		".gnu.linkonce.this_module":    {unowned: true},
		"__ksymtab_strings":            {drop: true},
		".export_symbol":               {unowned: true},
	}
	maps.Copy(all, own)
	return all
}

// paddedWith returns the padding function of an architecture whose code is
// filled up with zeroes and any of the given instructions.
func paddedWith(fillers ...string) func([]byte) bool {
	return func(code []byte) bool {
		for len(code) > 0 {
			n := fillerLen(code, fillers)
			if n == 0 {
				return false
			}
			code = code[n:]
		}
		return true
	}
}

func fillerLen(code []byte, fillers []string) int {
	if code[0] == 0 {
		return 1
	}
	for _, f := range fillers {
		if len(code) >= len(f) && string(code[:len(f)]) == f {
			return len(f)
		}
	}
	return 0
}

// isLabel reports whether a symbol only marks a place inside of something
// else: what assemblers keep of local labels (.L), and mapping symbols.
func (a *arch) isLabel(s *elfobj.Symbol) bool {
	if strings.HasPrefix(s.Name, ".L") {
		return true
	}
	for _, m := range a.mapping {
		if s.Name == m || strings.HasPrefix(s.Name, m+".") {
			return true
		}
	}
	return false
}

// isMark reports whether a relocation only tells the linker something of its
// place, such as how far code is to be aligned there.
func (a *arch) isMark(r elfobj.Reloc) bool {
	kind, known := a.relocs[r.Type]
	return known && kind.size == 0
}
