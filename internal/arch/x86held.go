package arch

import (
	"bytes"
	"slices"

	"golang.org/x/arch/x86/x86asm"
)

// x86Passed are the numbers of the registers that pass arguments, in their order
// (System V psABI for x86-64, "Parameter Passing"). Registers are numbered as in
// instructions.
var x86Passed = []int{7, 6, 2, 1, 8, 9} // rdi, rsi, rdx, rcx, r8, r9

const (
	x86Stack  = 4 // rsp
	x86Frame  = 5 // rbp
	x86Result = 0 // rax
	// x86Preserved are the registers that a call leaves intact: rbx, rbp, r12 to r15.
	x86Preserved x86Registers = 1<<3 | 1<<5 | 1<<12 | 1<<13 | 1<<14 | 1<<15
)

// x86LandingPad is endbr64, where indirect branches may arrive.
var x86LandingPad = []byte{0xf3, 0x0f, 0x1e, 0xfa}

// x86Registers is a set of registers.
type x86Registers uint16

// has reports whether arg is a register of the set, in any width.
func (s x86Registers) has(arg x86asm.Arg) bool {
	n := x86Number(arg)
	return n >= 0 && s&(1<<n) != 0
}

// x86Number is the number of a register, -1 for any other operand.
func x86Number(arg x86asm.Arg) int {
	r, ok := arg.(x86asm.Reg)
	switch {
	case !ok:
	case r >= x86asm.AL && r <= x86asm.BL:
		return int(r - x86asm.AL)
	case r >= x86asm.AH && r <= x86asm.BH:
		return int(r - x86asm.AH)
	case r >= x86asm.SPB && r <= x86asm.R15B:
		return int(r-x86asm.SPB) + 4
	case r >= x86asm.AX && r <= x86asm.R15W:
		return int(r - x86asm.AX)
	case r >= x86asm.EAX && r <= x86asm.R15L:
		return int(r - x86asm.EAX)
	case r >= x86asm.RAX && r <= x86asm.R15:
		return int(r - x86asm.RAX)
	}
	return -1
}

// x86Stored is Code.Stored. It follows the address through copies, along all branches.
func x86Stored(code []byte, pos uint64) []uint64 {
	if pos >= uint64(len(code)) {
		return nil
	}
	in, _, ok := x86Both(code[pos:])
	if !ok || in.Op != x86asm.MOV && in.Op != x86asm.LEA {
		return nil
	}
	f := x86Follower{code: code, seen: map[x86Point]bool{}}
	// Functions that align their stack have its address in rbp.
	f.frame = bytes.Contains(code[:min(32, len(code))], []byte("\x48\x89\xe5"))
	if to, ok := in.Args[0].(x86asm.Mem); ok {
		if !f.onStack(to) {
			return []uint64{pos}
		}
		return nil
	}
	if n := x86Number(in.Args[0]); n >= 0 {
		f.follow(x86Point{pos + uint64(in.Len), 1 << n})
	}
	slices.Sort(f.stores)
	return slices.Compact(f.stores)
}

// x86Point is a position in code, and the registers that contain the address there.
type x86Point struct {
	pos  uint64
	held x86Registers
}

// x86Follower follows an address in registers.
type x86Follower struct {
	code   []byte
	frame  bool // rbp is the address of the stack
	seen   map[x86Point]bool
	stores []uint64
}

// mostPoints limits the points that are visited for one address.
const mostPoints = 2000

func (f *x86Follower) onStack(m x86asm.Mem) bool {
	n := x86Number(m.Base)
	return n == x86Stack || n == x86Frame && f.frame
}

func (f *x86Follower) follow(at x86Point) {
	for at.held != 0 && at.pos < uint64(len(f.code)) && len(f.seen) < mostPoints && !f.seen[at] {
		f.seen[at] = true
		in, insn, ok := x86Both(f.code[at.pos:])
		if !ok {
			return
		}
		next := x86Point{at.pos + uint64(insn.Size), at.held}
		switch insn.Flow {
		case Call:
			next.held &= x86Preserved
		case Stop:
			return
		case Jump, Fork, Equal, Unequal:
			to := x86Point{uint64(insn.Target(f.code, int(at.pos))), at.held}
			if insn.Flow == Jump {
				next = to
			} else {
				f.follow(to)
			}
		default:
			if to, ok := in.Args[0].(x86asm.Mem); ok && x86Writes(in.Op) && at.held.has(in.Args[1]) && !f.onStack(to) {
				f.stores = append(f.stores, at.pos)
			}
			next.held = at.held.after(&in)
		}
		at = next
	}
}

// x86Writes reports whether op writes its second operand to its first.
func x86Writes(op x86asm.Op) bool {
	return op == x86asm.MOV || op == x86asm.XCHG || op == x86asm.CMPXCHG
}

// after returns the registers that contain the address after an instruction.
func (s x86Registers) after(in *x86asm.Inst) x86Registers {
	n := x86Number(in.Args[0])
	if n < 0 || in.Op == x86asm.CMP || in.Op == x86asm.TEST || in.Op == x86asm.PUSH {
		return s
	}
	from, memory := in.Args[1].(x86asm.Mem)
	switch {
	case (in.Op == x86asm.XOR || in.Op == x86asm.SUB) && in.Args[0] == in.Args[1]:
		return s &^ (1 << n)
	case s.has(in.Args[1]), in.Op == x86asm.LEA && memory && (s.has(from.Base) || s.has(from.Index)):
		return s | 1<<n
	case in.Op == x86asm.MOV, in.Op == x86asm.LEA, in.Op == x86asm.POP, in.Op == x86asm.MOVZX, in.Op == x86asm.MOVSX,
		in.Op == x86asm.MOVSXD:
		return s &^ (1 << n)
	}
	return s
}

// x86Borrows is Code.Borrows. If a register contains the address anywhere in the function, it
// counts as if it contained the address everywhere.
func x86Borrows(code []byte, arg int, passes func(field uint64, arg int) bool) bool {
	if arg >= len(x86Passed) {
		return false
	}
	held := x86Registers(1 << x86Passed[arg])
	for {
		before := held
		for pos := 0; pos < len(code); {
			if bytes.HasPrefix(code[pos:], x86LandingPad) {
				pos += len(x86LandingPad)
				continue
			}
			in, insn, ok := x86Both(code[pos:])
			if !ok || !held.borrowed(&in, &insn, func(arg int) bool { return passes(uint64(pos)+uint64(insn.Relative), arg) }) {
				return false
			}
			if insn.Flow == Next {
				held |= held.after(&in)
			}
			pos += int(insn.Size)
		}
		if held == before {
			return true
		}
	}
}

// borrowed reports whether an instruction only accesses memory at the address, copies the address
// to a register, or passes it to a call for which passes is true.
func (s x86Registers) borrowed(in *x86asm.Inst, insn *Insn, passes func(arg int) bool) bool {
	switch {
	case in.Op == x86asm.RET:
		return s&(1<<x86Result) == 0
	case in.Op == x86asm.PUSH:
		return !s.has(in.Args[0]) || (s & x86Preserved).has(in.Args[0])
	case in.Op == x86asm.XCHG, in.Op == x86asm.CMPXCHG:
		return !s.has(in.Args[0]) && !s.has(in.Args[1])
	case insn.Branch, x86Leaves(in.Op):
		for i, n := range x86Passed {
			if s&(1<<n) != 0 && !(insn.Branch && passes(i)) {
				return false
			}
		}
		return true
	}
	_, memory := in.Args[0].(x86asm.Mem)
	return !memory || in.Op == x86asm.CMP || in.Op == x86asm.TEST || !s.has(in.Args[1])
}
