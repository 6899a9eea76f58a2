package elfdiff

import "debug/elf"

// arm64 is AArch64, little-endian: the relocations of
// arch/arm64/kernel/module.c, as the ELF for the Arm 64-bit Architecture
// names them. Addends have no bias. Replacements of alternatives lie behind
// the function in its own section (.subsection 1).
var arm64 = arch{
	machine: elf.EM_AARCH64,
	name:    "arm64",
	relocs: map[uint32]relocKind{
		uint32(elf.R_AARCH64_NONE):                {},
		uint32(elf.R_AARCH64_NULL):                {},
		uint32(elf.R_AARCH64_ABS64):               {size: 8},
		uint32(elf.R_AARCH64_ABS32):               {size: 4},
		uint32(elf.R_AARCH64_ABS16):               {size: 2},
		uint32(elf.R_AARCH64_PREL64):              {size: 8, pcrel: true},
		uint32(elf.R_AARCH64_PREL32):              {size: 4, pcrel: true},
		uint32(elf.R_AARCH64_PREL16):              {size: 2, pcrel: true},
		uint32(elf.R_AARCH64_MOVW_UABS_G0):        {size: 4},
		uint32(elf.R_AARCH64_MOVW_UABS_G0_NC):     {size: 4},
		uint32(elf.R_AARCH64_MOVW_UABS_G1):        {size: 4},
		uint32(elf.R_AARCH64_MOVW_UABS_G1_NC):     {size: 4},
		uint32(elf.R_AARCH64_MOVW_UABS_G2):        {size: 4},
		uint32(elf.R_AARCH64_MOVW_UABS_G2_NC):     {size: 4},
		uint32(elf.R_AARCH64_MOVW_UABS_G3):        {size: 4},
		uint32(elf.R_AARCH64_MOVW_SABS_G0):        {size: 4},
		uint32(elf.R_AARCH64_MOVW_SABS_G1):        {size: 4},
		uint32(elf.R_AARCH64_MOVW_SABS_G2):        {size: 4},
		uint32(elf.R_AARCH64_LD_PREL_LO19):        {size: 4, pcrel: true},
		uint32(elf.R_AARCH64_ADR_PREL_LO21):       {size: 4, pcrel: true},
		uint32(elf.R_AARCH64_ADR_PREL_PG_HI21):    {size: 4, pcrel: true},
		uint32(elf.R_AARCH64_ADR_PREL_PG_HI21_NC): {size: 4, pcrel: true},
		uint32(elf.R_AARCH64_ADD_ABS_LO12_NC):     {size: 4},
		uint32(elf.R_AARCH64_LDST8_ABS_LO12_NC):   {size: 4},
		uint32(elf.R_AARCH64_LDST16_ABS_LO12_NC):  {size: 4},
		uint32(elf.R_AARCH64_LDST32_ABS_LO12_NC):  {size: 4},
		uint32(elf.R_AARCH64_LDST64_ABS_LO12_NC):  {size: 4},
		uint32(elf.R_AARCH64_LDST128_ABS_LO12_NC): {size: 4},
		uint32(elf.R_AARCH64_TSTBR14):             {size: 4, pcrel: true, branch: true},
		uint32(elf.R_AARCH64_CONDBR19):            {size: 4, pcrel: true, branch: true},
		uint32(elf.R_AARCH64_JUMP26):              {size: 4, pcrel: true, branch: true},
		uint32(elf.R_AARCH64_CALL26):              {size: 4, pcrel: true, branch: true},
		uint32(elf.R_AARCH64_ADR_GOT_PAGE):        {size: 4, pcrel: true},
		uint32(elf.R_AARCH64_LD64_GOT_LO12_NC):    {size: 4},
		arm64MovwPrelG0:                           {size: 4, pcrel: true},
		arm64MovwPrelG0 + 1:                       {size: 4, pcrel: true},
		arm64MovwPrelG0 + 2:                       {size: 4, pcrel: true},
		arm64MovwPrelG0 + 3:                       {size: 4, pcrel: true},
		arm64MovwPrelG0 + 4:                       {size: 4, pcrel: true},
		arm64MovwPrelG0 + 5:                       {size: 4, pcrel: true},
		arm64MovwPrelG0 + 6:                       {size: 4, pcrel: true},
	},
	padding:  paddedWith("\x1f\x20\x03\xd5"), // nop
	mapping:  []string{"$x", "$d"},
	sections: withCommon(nil),
}

// arm64MovwPrelG0 is R_AARCH64_MOVW_PREL_G0, the first of seven in a row that
// debug/elf has no names for.
const arm64MovwPrelG0 = 287
