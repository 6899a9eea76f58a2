package arch

import "debug/elf"

// Loong64 is 64-bit LoongArch.
var Loong64 = Arch{
	Name:    "loongarch64",
	Machine: elf.EM_LOONGARCH,
	Kernel:  "loongarch",
	Triple:  "loongarch64-linux-gnu",
	Debian:  Debian{Name: "loong64", Flavours: []string{"loong64"}},
	Loader:  Loader{Absolute: uint32(elf.R_LARCH_64)},
	Kbuild:  Kbuild{Config: "LOONGARCH", Generated: "arch/loongarch/include/generated"},
	Relocs:  loong64Relocs(),
	// nop: andi $zero, $zero, 0
	Code: Code{Unit: 4, Padding: paddedWith("\x00\x00\x40\x03"), ReplacementLength: lastByte},
	Sections: withCommon(map[string]Section{
		".orc_unwind_ip": {Parallel: ".orc_unwind"},
		".orc_unwind":    {ParallelTo: ".orc_unwind_ip"},
		".orc_header":    {Whole: true},
	}),
}

// loong64Relocs are the relocations in arch/loongarch/kernel/module.c, old (a stack machine) and
// new, with the names of "ELF for the LoongArch Architecture". One place can have several: an
// instruction and the permission to relax it, a difference as an addition and a subtraction, the
// operands and the operator of an expression.
func loong64Relocs() map[uint32]Reloc {
	m := map[uint32]Reloc{
		uint32(elf.R_LARCH_NONE):               {},
		uint32(elf.R_LARCH_MARK_LA):            {},
		uint32(elf.R_LARCH_MARK_PCREL):         {},
		uint32(elf.R_LARCH_RELAX):              {},
		uint32(elf.R_LARCH_ALIGN):              {},
		uint32(elf.R_LARCH_DELETE):             {},
		uint32(elf.R_LARCH_32):                 {Size: 4},
		uint32(elf.R_LARCH_64):                 {Size: 8},
		uint32(elf.R_LARCH_ADD8):               {Size: 1},
		uint32(elf.R_LARCH_SUB8):               {Size: 1},
		uint32(elf.R_LARCH_ADD6):               {Size: 1},
		uint32(elf.R_LARCH_SUB6):               {Size: 1},
		uint32(elf.R_LARCH_ADD16):              {Size: 2},
		uint32(elf.R_LARCH_SUB16):              {Size: 2},
		uint32(elf.R_LARCH_ADD24):              {Size: 3},
		uint32(elf.R_LARCH_SUB24):              {Size: 3},
		uint32(elf.R_LARCH_ADD32):              {Size: 4},
		uint32(elf.R_LARCH_SUB32):              {Size: 4},
		uint32(elf.R_LARCH_ADD64):              {Size: 8},
		uint32(elf.R_LARCH_SUB64):              {Size: 8},
		uint32(elf.R_LARCH_B16):                {Size: 4, PCRel: true, Branch: true},
		uint32(elf.R_LARCH_B21):                {Size: 4, PCRel: true, Branch: true},
		uint32(elf.R_LARCH_B26):                {Size: 4, PCRel: true, Branch: true},
		uint32(elf.R_LARCH_CALL36):             {Size: 8, PCRel: true, Branch: true},
		uint32(elf.R_LARCH_32_PCREL):           {Size: 4, PCRel: true},
		uint32(elf.R_LARCH_64_PCREL):           {Size: 8, PCRel: true},
		uint32(elf.R_LARCH_PCREL20_S2):         {Size: 4, PCRel: true},
		uint32(elf.R_LARCH_SOP_PUSH_PLT_PCREL): {PCRel: true, Branch: true},
		uint32(elf.R_LARCH_SOP_PUSH_PCREL):     {PCRel: true},
	}
	for t := elf.R_LARCH_SOP_PUSH_ABSOLUTE; t < elf.R_LARCH_SOP_POP_32_S_10_5; t++ {
		if _, known := m[uint32(t)]; !known {
			m[uint32(t)] = Reloc{}
		}
	}
	for t := elf.R_LARCH_SOP_POP_32_S_10_5; t <= elf.R_LARCH_SOP_POP_32_U; t++ {
		m[uint32(t)] = Reloc{Size: 4}
	}
	for t := elf.R_LARCH_ABS_HI20; t <= elf.R_LARCH_GOT64_HI12; t++ {
		m[uint32(t)] = Reloc{Size: 4}
	}
	for _, t := range []elf.R_LARCH{elf.R_LARCH_PCALA_HI20, elf.R_LARCH_GOT_PC_HI20} {
		m[uint32(t)] = Reloc{Size: 4, PCRel: true}
	}
	return m
}
