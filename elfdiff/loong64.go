package elfdiff

import "debug/elf"

// loong64 is LoongArch, 64 bits: the relocations of
// arch/loongarch/kernel/module.c, old (a stack machine) and new, as the ELF
// for the LoongArch Architecture names them. One place can have several: an
// instruction and the leave to relax it, a difference as one added and one
// subtracted, the operands and the operator of an expression.
var loong64 = arch{
	machine: elf.EM_LOONGARCH,
	name:    "loong64",
	relocs:  loong64Relocs(),
	padding: paddedWith("\x00\x00\x40\x03"), // nop: andi $zero, $zero, 0
	sections: withCommon(map[string]special{
		".orc_unwind_ip": {parallel: ".orc_unwind"},
		".orc_unwind":    {parallelTo: ".orc_unwind_ip"},
		".orc_header":    {whole: true},
	}),
}

func loong64Relocs() map[uint32]relocKind {
	m := map[uint32]relocKind{
		uint32(elf.R_LARCH_NONE):               {},
		uint32(elf.R_LARCH_MARK_LA):            {},
		uint32(elf.R_LARCH_MARK_PCREL):         {},
		uint32(elf.R_LARCH_RELAX):              {},
		uint32(elf.R_LARCH_ALIGN):              {},
		uint32(elf.R_LARCH_DELETE):             {},
		uint32(elf.R_LARCH_32):                 {size: 4},
		uint32(elf.R_LARCH_64):                 {size: 8},
		uint32(elf.R_LARCH_ADD8):               {size: 1},
		uint32(elf.R_LARCH_SUB8):               {size: 1},
		uint32(elf.R_LARCH_ADD6):               {size: 1},
		uint32(elf.R_LARCH_SUB6):               {size: 1},
		uint32(elf.R_LARCH_ADD16):              {size: 2},
		uint32(elf.R_LARCH_SUB16):              {size: 2},
		uint32(elf.R_LARCH_ADD24):              {size: 3},
		uint32(elf.R_LARCH_SUB24):              {size: 3},
		uint32(elf.R_LARCH_ADD32):              {size: 4},
		uint32(elf.R_LARCH_SUB32):              {size: 4},
		uint32(elf.R_LARCH_ADD64):              {size: 8},
		uint32(elf.R_LARCH_SUB64):              {size: 8},
		uint32(elf.R_LARCH_B16):                {size: 4, pcrel: true, branch: true},
		uint32(elf.R_LARCH_B21):                {size: 4, pcrel: true, branch: true},
		uint32(elf.R_LARCH_B26):                {size: 4, pcrel: true, branch: true},
		uint32(elf.R_LARCH_CALL36):             {size: 8, pcrel: true, branch: true},
		uint32(elf.R_LARCH_32_PCREL):           {size: 4, pcrel: true},
		uint32(elf.R_LARCH_64_PCREL):           {size: 8, pcrel: true},
		uint32(elf.R_LARCH_PCREL20_S2):         {size: 4, pcrel: true},
		uint32(elf.R_LARCH_SOP_PUSH_PLT_PCREL): {pcrel: true, branch: true},
		uint32(elf.R_LARCH_SOP_PUSH_PCREL):     {pcrel: true},
	}
	for t := elf.R_LARCH_SOP_PUSH_ABSOLUTE; t < elf.R_LARCH_SOP_POP_32_S_10_5; t++ {
		if _, known := m[uint32(t)]; !known {
			m[uint32(t)] = relocKind{}
		}
	}
	for t := elf.R_LARCH_SOP_POP_32_S_10_5; t <= elf.R_LARCH_SOP_POP_32_U; t++ {
		m[uint32(t)] = relocKind{size: 4}
	}
	for t := elf.R_LARCH_ABS_HI20; t <= elf.R_LARCH_GOT64_HI12; t++ {
		m[uint32(t)] = relocKind{size: 4}
	}
	for _, t := range []elf.R_LARCH{elf.R_LARCH_PCALA_HI20, elf.R_LARCH_GOT_PC_HI20} {
		m[uint32(t)] = relocKind{size: 4, pcrel: true}
	}
	return m
}
