package arch

import (
	"slices"

	"golang.org/x/arch/x86/x86asm"
)

// x86Arguments maps the registers that pass arguments, in all widths, to the 64-bit register
// (System V psABI for x86-64, "Parameter Passing").
var x86Arguments = map[x86asm.Reg]x86asm.Reg{
	x86asm.RDI: x86asm.RDI, x86asm.EDI: x86asm.RDI, x86asm.DI: x86asm.RDI, x86asm.DIB: x86asm.RDI,
	x86asm.RSI: x86asm.RSI, x86asm.ESI: x86asm.RSI, x86asm.SI: x86asm.RSI, x86asm.SIB: x86asm.RSI,
	x86asm.RDX: x86asm.RDX, x86asm.EDX: x86asm.RDX, x86asm.DX: x86asm.RDX, x86asm.DL: x86asm.RDX,
	x86asm.DH:  x86asm.RDX,
	x86asm.RCX: x86asm.RCX, x86asm.ECX: x86asm.RCX, x86asm.CX: x86asm.RCX, x86asm.CL: x86asm.RCX,
	x86asm.CH: x86asm.RCX,
	x86asm.R8: x86asm.R8, x86asm.R8L: x86asm.R8, x86asm.R8W: x86asm.R8, x86asm.R8B: x86asm.R8,
	x86asm.R9: x86asm.R9, x86asm.R9L: x86asm.R9, x86asm.R9W: x86asm.R9, x86asm.R9B: x86asm.R9,
}

// x86Argument is Code.Argument. The address must be loaded into an argument's register, and no
// instruction up to the next call may mention that register. A call preserves none of these
// registers, so the address is gone afterwards.
func x86Argument(code []byte, pos uint64) (call uint64, arg int, ok bool) {
	if pos > uint64(len(code)) {
		return 0, 0, false
	}
	first, _, ok := x86Both(code[pos:])
	reg, loads := x86Loads(&first)
	if !ok || !loads {
		return 0, 0, false
	}
	arg = slices.Index(x86Passed, x86Number(reg))
	for pos += uint64(first.Len); ; {
		in, insn, ok := x86Both(code[pos:])
		switch {
		case !ok:
			return 0, 0, false
		case insn.Branch:
			near := (in.Op == x86asm.CALL || in.Op == x86asm.JMP) && insn.RelativeSize == 4
			return pos + uint64(insn.Relative), arg, near
		case x86Leaves(in.Op), x86Mentions(in.Args[:], reg):
			return 0, 0, false
		}
		pos += uint64(in.Len)
	}
}

// x86Loads returns the argument's register that in loads with a constant.
func x86Loads(in *x86asm.Inst) (x86asm.Reg, bool) {
	dest, _ := in.Args[0].(x86asm.Reg)
	reg, argument := x86Arguments[dest]
	switch from := in.Args[1].(type) {
	case x86asm.Imm:
		return reg, argument && in.Op == x86asm.MOV
	case x86asm.Mem:
		return reg, argument && in.Op == x86asm.LEA && from.Base == x86asm.RIP && from.Index == 0
	}
	return 0, false
}

// x86Both decodes the first instruction of code with both decoders. ok is false if one of them
// cannot decode it, or if they disagree.
func x86Both(code []byte) (in x86asm.Inst, insn Insn, ok bool) {
	insn = x86Decode(code)
	in, err := x86asm.Decode(code, 64)
	return in, insn, err == nil && in.Len == int(insn.Size)
}

// x86Leaves reports whether op continues elsewhere than after it, or changes registers on the way.
func x86Leaves(op x86asm.Op) bool {
	switch op {
	case x86asm.CALL, x86asm.JMP, x86asm.RET, x86asm.LCALL, x86asm.LJMP, x86asm.LRET, x86asm.IRET, x86asm.IRETQ,
		x86asm.SYSCALL, x86asm.SYSRET, x86asm.SYSEXIT, x86asm.UD2, x86asm.INT, x86asm.LOOP, x86asm.LOOPE, x86asm.LOOPNE,
		x86asm.JCXZ, x86asm.JECXZ, x86asm.JRCXZ:
		return true
	}
	return false
}

// x86Mentions reports whether an operand is reg, or memory addressed through reg.
func x86Mentions(args []x86asm.Arg, reg x86asm.Reg) bool {
	for _, arg := range args {
		switch a := arg.(type) {
		case x86asm.Reg:
			if x86Arguments[a] == reg {
				return true
			}
		case x86asm.Mem:
			if x86Arguments[a.Base] == reg || x86Arguments[a.Index] == reg {
				return true
			}
		}
	}
	return false
}
