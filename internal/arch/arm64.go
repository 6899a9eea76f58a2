package arch

import "debug/elf"

// ARM64 is 64-bit Arm, little-endian.
var ARM64 = Arch{
	Name:    "aarch64",
	Machine: elf.EM_AARCH64,
	Kernel:  "arm64",
	Triple:  "aarch64-linux-gnu",
	Debian:  Debian{Name: "arm64", Flavours: []string{"arm64"}},
	Loader:  Loader{Absolute: uint32(elf.R_AARCH64_ABS64)},
	Kbuild:  Kbuild{Config: "ARM64", Generated: "arch/arm64/include/generated"},
	Relocs:  arm64Relocs,
	// Replacements of alternatives follow the function in its own section (.subsection 1).
	Code:     Code{Unit: 4, Padding: paddedWith("\x1f\x20\x03\xd5"), ReplacementLength: lastByte}, // nop
	Symbols:  Symbols{Mapping: []string{"$x", "$d"}},
	Sections: withCommon(nil),
}

// arm64Relocs are the relocations in arch/arm64/kernel/module.c, with the names of "ELF for the Arm
// 64-bit Architecture". Addends have no bias.
var arm64Relocs = map[uint32]Reloc{
	uint32(elf.R_AARCH64_NONE):                {},
	uint32(elf.R_AARCH64_NULL):                {},
	uint32(elf.R_AARCH64_ABS64):               {Size: 8},
	uint32(elf.R_AARCH64_ABS32):               {Size: 4},
	uint32(elf.R_AARCH64_ABS16):               {Size: 2},
	uint32(elf.R_AARCH64_PREL64):              {Size: 8, PCRel: true},
	uint32(elf.R_AARCH64_PREL32):              {Size: 4, PCRel: true},
	uint32(elf.R_AARCH64_PREL16):              {Size: 2, PCRel: true},
	uint32(elf.R_AARCH64_MOVW_UABS_G0):        {Size: 4},
	uint32(elf.R_AARCH64_MOVW_UABS_G0_NC):     {Size: 4},
	uint32(elf.R_AARCH64_MOVW_UABS_G1):        {Size: 4},
	uint32(elf.R_AARCH64_MOVW_UABS_G1_NC):     {Size: 4},
	uint32(elf.R_AARCH64_MOVW_UABS_G2):        {Size: 4},
	uint32(elf.R_AARCH64_MOVW_UABS_G2_NC):     {Size: 4},
	uint32(elf.R_AARCH64_MOVW_UABS_G3):        {Size: 4},
	uint32(elf.R_AARCH64_MOVW_SABS_G0):        {Size: 4},
	uint32(elf.R_AARCH64_MOVW_SABS_G1):        {Size: 4},
	uint32(elf.R_AARCH64_MOVW_SABS_G2):        {Size: 4},
	uint32(elf.R_AARCH64_LD_PREL_LO19):        {Size: 4, PCRel: true},
	uint32(elf.R_AARCH64_ADR_PREL_LO21):       {Size: 4, PCRel: true},
	uint32(elf.R_AARCH64_ADR_PREL_PG_HI21):    {Size: 4, PCRel: true},
	uint32(elf.R_AARCH64_ADR_PREL_PG_HI21_NC): {Size: 4, PCRel: true},
	uint32(elf.R_AARCH64_ADD_ABS_LO12_NC):     {Size: 4},
	uint32(elf.R_AARCH64_LDST8_ABS_LO12_NC):   {Size: 4},
	uint32(elf.R_AARCH64_LDST16_ABS_LO12_NC):  {Size: 4},
	uint32(elf.R_AARCH64_LDST32_ABS_LO12_NC):  {Size: 4},
	uint32(elf.R_AARCH64_LDST64_ABS_LO12_NC):  {Size: 4},
	uint32(elf.R_AARCH64_LDST128_ABS_LO12_NC): {Size: 4},
	uint32(elf.R_AARCH64_TSTBR14):             {Size: 4, PCRel: true, Branch: true},
	uint32(elf.R_AARCH64_CONDBR19):            {Size: 4, PCRel: true, Branch: true},
	uint32(elf.R_AARCH64_JUMP26):              {Size: 4, PCRel: true, Branch: true},
	uint32(elf.R_AARCH64_CALL26):              {Size: 4, PCRel: true, Branch: true},
	uint32(elf.R_AARCH64_ADR_GOT_PAGE):        {Size: 4, PCRel: true},
	uint32(elf.R_AARCH64_LD64_GOT_LO12_NC):    {Size: 4},
	arm64MovwPrelG0:                           {Size: 4, PCRel: true},
	arm64MovwPrelG0 + 1:                       {Size: 4, PCRel: true},
	arm64MovwPrelG0 + 2:                       {Size: 4, PCRel: true},
	arm64MovwPrelG0 + 3:                       {Size: 4, PCRel: true},
	arm64MovwPrelG0 + 4:                       {Size: 4, PCRel: true},
	arm64MovwPrelG0 + 5:                       {Size: 4, PCRel: true},
	arm64MovwPrelG0 + 6:                       {Size: 4, PCRel: true},
}

// arm64MovwPrelG0 is R_AARCH64_MOVW_PREL_G0, the first of seven consecutive types for which
// debug/elf has no names.
const arm64MovwPrelG0 = 287
