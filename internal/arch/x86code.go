package arch

import (
	"debug/elf"
	"encoding/binary"
)

// x86Padding accepts the fillers of gas and gcc: nop forms, int3, zeroes.
func x86Padding(code []byte) bool {
	for len(code) > 0 {
		n := x86NopLen(code)
		if n == 0 {
			return false
		}
		code = code[n:]
	}
	return true
}

// x86NopLen returns the length of the filler instruction that code begins with, or 0.
func x86NopLen(code []byte) int {
	if code[0] == 0xcc || code[0] == 0 {
		return 1
	}
	i := 0
	for i < len(code) && (code[i] == 0x66 || code[i] == 0x2e) {
		i++
	}
	if i < len(code) && code[i] == 0x90 {
		return i + 1
	}
	if i+1 < len(code) && code[i] == 0x0f && code[i+1] == 0x1f {
		return int(x86Decode(code).Size)
	}
	return 0
}

// x86ReplacementLength returns replacementlen of struct alt_instr
// (arch/x86/include/asm/alternative.h). It is the last byte; before 5.13, padlen follows it.
func x86ReplacementLength(entry []byte) byte {
	if len(entry) == 13 {
		return entry[11]
	}
	return lastByte(entry)
}

// x86RelaxGOT rewrites the instruction that contains field (System V psABI for x86-64, "Optimize
// GOTPCRELX relocations"). mov becomes lea. An indirect call or jmp becomes a direct one of the
// same length.
func x86RelaxGOT(code []byte, field *Field) bool {
	at := int(field.Off)
	if at < 2 || at+4 > len(code) || field.Bias != -4 {
		return false
	}
	switch op, modrm := code[at-2], code[at-1]; {
	case op == 0x8b && modrm&0xc7 == 0x05:
		code[at-2], field.Type = 0x8d, uint32(elf.R_X86_64_PC32)
	case op == 0xff && modrm == 0x15:
		code[at-2], code[at-1] = 0x67, 0xe8 // a prefix without effect, for the length
		field.Type, field.Branch = uint32(elf.R_X86_64_PLT32), true
	case op == 0xff && modrm == 0x25:
		copy(code[at-2:], []byte{0xe9, 0, 0, 0, 0, 0x90})
		field.Off, field.Type, field.Branch = field.Off-1, uint32(elf.R_X86_64_PLT32), true
	default:
		return false
	}
	return true
}

// runtimeValue is the placeholder of a runtime constant (arch/x86/include/asm/runtime-const.h).
const runtimeValue = 0x0123456789abcdef

// x86LoadVariable replaces
//
//	movabs $0x0123456789abcdef, %reg
//
// whose number is at off of code, by instructions of the same length:
//
//	mov variable(%rip), %reg
//	nopl (%rax)
func x86LoadVariable(code []byte, off int64) (field Field, ok bool) {
	if off < 2 || off+8 > int64(len(code)) || binary.LittleEndian.Uint64(code[off:]) != runtimeValue {
		return field, false
	}
	insn := code[off-2 : off+8]
	rex, opcode := insn[0], insn[1]
	if rex&^1 != 0x48 || opcode&^7 != 0xb8 { // REX.W with or without B; mov imm64, r64
		return field, false
	}
	reg := opcode & 7
	copy(insn, []byte{0x48 | rex&1<<2, 0x8b, 0x05 | reg<<3, 0, 0, 0, 0, 0x0f, 0x1f, 0x00})
	return Field{Off: uint64(off) + 1, Type: uint32(elf.R_X86_64_PC32), Bias: -4}, true
}
