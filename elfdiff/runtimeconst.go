package elfdiff

import (
	"debug/elf"
	"encoding/binary"
	"strings"

	"kintsugi/internal/diag"
	"kintsugi/internal/elfobj"
)

// A runtime constant (asm/runtime-const.h, since 6.11) is a number in the code
// of a kernel's image, written there at boot: the section runtime_ptr_NAME lists
// the places that get the value of the variable NAME. Nobody does that for
// modules. Code that travels loads the variable instead, as C code of a module
// does.
const (
	runtimePtr   = "runtime_ptr_"
	runtimeShift = "runtime_shift_"
)

// runtimeConst reports whether a section lists the places of a runtime constant.
func runtimeConst(section string) bool {
	return strings.HasPrefix(section, runtimePtr) || strings.HasPrefix(section, runtimeShift)
}

// checkConstants sees that the runtime constants of a function that travels can
// be loaded, and leaves their entries behind.
func (s *selection) checkConstants(a *Atom) {
	for _, e := range a.Entries {
		if !runtimeConst(e.Section.Name) {
			continue
		}
		if _, ok := s.patched.loadsConstant(a, e); !ok {
			s.refuse(diag.UnknownSection, a, "Make the change in a function that calls this one.",
				"%s has a number that the kernel writes into its code at boot (%s), which it does not do in modules", a, e.Section.Name)
			continue
		}
		s.dropped[e] = true
	}
}

// loadsConstant says whether the constant of a that e lists can be loaded from
// its variable.
func (o *Object) loadsConstant(a, e *Atom) (variable runtimeVariable, ok bool) {
	name, isPtr := strings.CutPrefix(e.Section.Name, runtimePtr)
	if !isPtr || o.arch.loadVariable == nil || len(e.Refs) != 1 || e.Refs[0].Atom != a {
		return variable, false
	}
	if _, ok = o.arch.loadVariable(append([]byte(nil), a.Bytes()...), e.Refs[0].Addend); !ok {
		return variable, false
	}
	return o.runtimeVariable(name)
}

// runtimeVariable is a variable that a runtime constant has the value of: one
// of the unit's own, or a symbol of another unit that this one may not mention.
type runtimeVariable struct {
	name string
	atom *Atom
	sym  *elfobj.Symbol
}

func (o *Object) runtimeVariable(name string) (v runtimeVariable, ok bool) {
	v.name = name
	for _, s := range o.File.Symbols {
		switch a := o.bySymbol[s]; {
		case s.Name != name:
		case s.Undefined():
			v.sym = s
		case v.atom != nil || a == nil || a.twin == nil || a.Kind != Data || s.Value != a.Off:
			return v, false
		default:
			v.atom = a
		}
	}
	return v, true
}

// loadConstants has the functions that travel load their runtime constants.
func (x *extractor) loadConstants() {
	for _, a := range x.order {
		for _, e := range a.Entries {
			if !runtimeConst(e.Section.Name) {
				continue
			}
			v, _ := x.res.Patched.loadsConstant(a, e)
			p := x.placed[a]
			r, _ := x.res.Patched.arch.loadVariable(p.sec.Data[p.off:p.off+a.Size], e.Refs[0].Addend)
			rela := x.rela(p.sec)
			rela.Relocs = append(rela.Relocs, elfobj.Reloc{Offset: p.off + r.Off, Type: r.Type, Sym: x.variable(v), Addend: int64(r.Bias)})
		}
	}
}

// variable is the symbol of v in the extracted file.
func (x *extractor) variable(v runtimeVariable) *elfobj.Symbol {
	switch {
	case v.atom != nil:
		return x.external(v.atom.twin.Name, v.atom.twin, v.atom.twin)
	case v.sym != nil:
		return x.external(v.name, v.sym, nil)
	}
	return x.external(v.name, v.name, nil)
}

// runtimeValue stands where a runtime constant will be.
const runtimeValue = 0x0123456789abcdef

// x86LoadVariable makes of
//
//	movabs $0x0123456789abcdef, %reg
//
// whose number is at off of code, the as long
//
//	mov variable(%rip), %reg
//	nopl (%rax)
func x86LoadVariable(code []byte, off int64) (r Ref, ok bool) {
	if off < 2 || off+8 > int64(len(code)) || binary.LittleEndian.Uint64(code[off:]) != runtimeValue {
		return r, false
	}
	insn := code[off-2 : off+8]
	rex, opcode := insn[0], insn[1]
	if rex&^1 != 0x48 || opcode&^7 != 0xb8 { // REX.W with or without B; mov imm64, r64
		return r, false
	}
	reg := opcode & 7
	copy(insn, []byte{0x48 | rex&1<<2, 0x8b, 0x05 | reg<<3, 0, 0, 0, 0, 0x0f, 0x1f, 0x00})
	return Ref{Off: uint64(off) + 1, Type: uint32(elf.R_X86_64_PC32), Bias: -4}, true
}
