package elfdiff

import "debug/elf"

// s390x is 64-bit z/Architecture, big-endian: the relocations of
// arch/s390/kernel/module.c, as the ELF Application Binary Interface s390x
// Supplement names them. Those in halfwords ("DBL") are in instructions, which
// count from their own start: the addend has the way from there to the field.
var s390x = arch{
	machine: elf.EM_S390,
	name:    "s390x",
	relocs: map[uint32]relocKind{
		uint32(elf.R_390_NONE):      {},
		uint32(elf.R_390_8):         {size: 1},
		uint32(elf.R_390_12):        {size: 2},
		uint32(elf.R_390_16):        {size: 2},
		uint32(elf.R_390_20):        {size: 4},
		uint32(elf.R_390_32):        {size: 4},
		uint32(elf.R_390_64):        {size: 8},
		uint32(elf.R_390_PC16):      {size: 2, pcrel: true},
		uint32(elf.R_390_PC32):      {size: 4, pcrel: true},
		uint32(elf.R_390_PC64):      {size: 8, pcrel: true},
		uint32(elf.R_390_PC16DBL):   {size: 2, pcrel: true, branch: true, bias: 2},
		uint32(elf.R_390_PLT16DBL):  {size: 2, pcrel: true, branch: true, bias: 2},
		uint32(elf.R_390_PC32DBL):   {size: 4, pcrel: true, bias: 2},
		uint32(elf.R_390_PLT32DBL):  {size: 4, pcrel: true, branch: true, bias: 2},
		uint32(elf.R_390_GOT12):     {size: 2},
		uint32(elf.R_390_GOT16):     {size: 2},
		uint32(elf.R_390_GOT20):     {size: 4},
		uint32(elf.R_390_GOT32):     {size: 4},
		uint32(elf.R_390_GOT64):     {size: 8},
		uint32(elf.R_390_GOTENT):    {size: 4, pcrel: true, bias: 2},
		uint32(elf.R_390_GOTPLTENT): {size: 4, pcrel: true, bias: 2},
		uint32(elf.R_390_PLT32):     {size: 4, pcrel: true},
		uint32(elf.R_390_PLT64):     {size: 8, pcrel: true},
		uint32(elf.R_390_GOTPCDBL):  {size: 4, pcrel: true, bias: 2},
	},
	branches: s390Branch,
	padding:  paddedWith("\x07\x07", "\x47\x00\x07\x00", "\xc0\x04\x00\x00\x00\x00", "\x07\x00"), // nopr, nop, jgnop
	sections: withCommon(map[string]special{
		".s390_indirect_branches": {relocs: 1},
		".s390_indirect_call":     {relocs: 1},
		".s390_indirect_jump":     {relocs: 1},
		".s390_return_mem":        {relocs: 1},
		".s390_return_reg":        {relocs: 1},
	}),
}

// s390Branch tells brcl and brasl from larl and its like, which have the same
// relocation: by the opcode before the field, C0.4 and C0.5 (z/Architecture
// Principles of Operation, format RIL).
func s390Branch(code []byte, off uint64) bool {
	if off < 2 || off > uint64(len(code)) || code[off-2] != 0xc0 {
		return false
	}
	op := code[off-1] & 0xf
	return op == 4 || op == 5
}
