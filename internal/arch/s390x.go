package arch

import "debug/elf"

// S390X is 64-bit z/Architecture, big-endian.
var S390X = Arch{
	Name:    "s390x",
	Machine: elf.EM_S390,
	Kernel:  "s390",
	Triple:  "s390x-linux-gnu",
	Debian:  Debian{Name: "s390x", Flavours: []string{"s390x"}},
	Loader:  Loader{Absolute: uint32(elf.R_390_64)},
	Kbuild:  Kbuild{Config: "S390", Generated: "arch/s390/include/generated"},
	Relocs:  s390xRelocs,
	Code: Code{
		Unit:     2,
		Branches: s390Branch,
		// nopr, nop, jgnop
		Padding:           paddedWith("\x07\x07", "\x47\x00\x07\x00", "\xc0\x04\x00\x00\x00\x00", "\x07\x00"),
		ReplacementLength: lastByte,
	},
	Sections: withCommon(map[string]Section{
		".s390_indirect_branches": {Relocs: 1},
		".s390_indirect_call":     {Relocs: 1},
		".s390_indirect_jump":     {Relocs: 1},
		".s390_return_mem":        {Relocs: 1},
		".s390_return_reg":        {Relocs: 1},
	}),
}

// s390xRelocs are the relocations in arch/s390/kernel/module.c, with the names of the "ELF
// Application Binary Interface s390x Supplement". Those in halfwords ("DBL") are in instructions,
// which count from their own start, so the addend contains the distance from there to the field.
var s390xRelocs = map[uint32]Reloc{
	uint32(elf.R_390_NONE):      {},
	uint32(elf.R_390_8):         {Size: 1},
	uint32(elf.R_390_12):        {Size: 2},
	uint32(elf.R_390_16):        {Size: 2},
	uint32(elf.R_390_20):        {Size: 4},
	uint32(elf.R_390_32):        {Size: 4},
	uint32(elf.R_390_64):        {Size: 8},
	uint32(elf.R_390_PC16):      {Size: 2, PCRel: true},
	uint32(elf.R_390_PC32):      {Size: 4, PCRel: true},
	uint32(elf.R_390_PC64):      {Size: 8, PCRel: true},
	uint32(elf.R_390_PC16DBL):   {Size: 2, PCRel: true, Branch: true, Bias: 2},
	uint32(elf.R_390_PLT16DBL):  {Size: 2, PCRel: true, Branch: true, Bias: 2},
	uint32(elf.R_390_PC32DBL):   {Size: 4, PCRel: true, Bias: 2},
	uint32(elf.R_390_PLT32DBL):  {Size: 4, PCRel: true, Branch: true, Bias: 2},
	uint32(elf.R_390_GOT12):     {Size: 2},
	uint32(elf.R_390_GOT16):     {Size: 2},
	uint32(elf.R_390_GOT20):     {Size: 4},
	uint32(elf.R_390_GOT32):     {Size: 4},
	uint32(elf.R_390_GOT64):     {Size: 8},
	uint32(elf.R_390_GOTENT):    {Size: 4, PCRel: true, Bias: 2},
	uint32(elf.R_390_GOTPLTENT): {Size: 4, PCRel: true, Bias: 2},
	uint32(elf.R_390_PLT32):     {Size: 4, PCRel: true},
	uint32(elf.R_390_PLT64):     {Size: 8, PCRel: true},
	uint32(elf.R_390_GOTPCDBL):  {Size: 4, PCRel: true, Bias: 2},
}

// s390Branch reports whether the instruction with its field at off is brcl or brasl. Others, such
// as larl, have the same relocation. The opcode before the field decides: C0.4 and C0.5
// (z/Architecture Principles of Operation, format RIL).
func s390Branch(code []byte, off uint64) bool {
	if off < 2 || off > uint64(len(code)) || code[off-2] != 0xc0 {
		return false
	}
	op := code[off-1] & 0xf
	return op == 4 || op == 5
}
