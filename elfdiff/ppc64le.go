package elfdiff

import "debug/elf"

// ppc64le is 64-bit PowerPC, little-endian: the relocations of
// arch/powerpc/kernel/module_64.c and those of prefixed instructions, as the
// 64-Bit ELF V2 ABI names them. Functions are themselves, without descriptors
// (.opd); constants and addresses are found through the table of contents.
var ppc64le = arch{
	machine: elf.EM_PPC64,
	name:    "ppc64le",
	relocs: map[uint32]relocKind{
		uint32(elf.R_PPC64_NONE):              {},
		uint32(elf.R_PPC64_ADDR64):            {size: 8},
		uint32(elf.R_PPC64_ADDR32):            {size: 4},
		uint32(elf.R_PPC64_UADDR64):           {size: 8},
		uint32(elf.R_PPC64_UADDR32):           {size: 4},
		uint32(elf.R_PPC64_ADDR16):            {size: 2},
		uint32(elf.R_PPC64_ADDR16_DS):         {size: 2},
		uint32(elf.R_PPC64_ADDR16_LO):         {size: 2},
		uint32(elf.R_PPC64_ADDR16_LO_DS):      {size: 2},
		uint32(elf.R_PPC64_ADDR16_HI):         {size: 2},
		uint32(elf.R_PPC64_ADDR16_HA):         {size: 2},
		uint32(elf.R_PPC64_ADDR16_HIGH):       {size: 2},
		uint32(elf.R_PPC64_ADDR16_HIGHA):      {size: 2},
		uint32(elf.R_PPC64_ADDR16_HIGHER):     {size: 2},
		uint32(elf.R_PPC64_ADDR16_HIGHERA):    {size: 2},
		uint32(elf.R_PPC64_ADDR16_HIGHEST):    {size: 2},
		uint32(elf.R_PPC64_ADDR16_HIGHESTA):   {size: 2},
		uint32(elf.R_PPC64_REL64):             {size: 8, pcrel: true},
		uint32(elf.R_PPC64_REL32):             {size: 4, pcrel: true},
		uint32(elf.R_PPC64_REL24):             {size: 4, pcrel: true, branch: true},
		uint32(elf.R_PPC64_REL24_NOTOC):       {size: 4, pcrel: true, branch: true},
		uint32(elf.R_PPC64_REL14):             {size: 4, pcrel: true, branch: true},
		uint32(elf.R_PPC64_REL14_BRTAKEN):     {size: 4, pcrel: true, branch: true},
		uint32(elf.R_PPC64_REL14_BRNTAKEN):    {size: 4, pcrel: true, branch: true},
		uint32(elf.R_PPC64_REL16):             {size: 2, pcrel: true},
		uint32(elf.R_PPC64_REL16_LO):          {size: 2, pcrel: true},
		uint32(elf.R_PPC64_REL16_HI):          {size: 2, pcrel: true},
		uint32(elf.R_PPC64_REL16_HA):          {size: 2, pcrel: true},
		uint32(elf.R_PPC64_TOC):               {size: 8},
		uint32(elf.R_PPC64_TOC16):             {size: 2},
		uint32(elf.R_PPC64_TOC16_DS):          {size: 2},
		uint32(elf.R_PPC64_TOC16_LO):          {size: 2},
		uint32(elf.R_PPC64_TOC16_LO_DS):       {size: 2},
		uint32(elf.R_PPC64_TOC16_HI):          {size: 2},
		uint32(elf.R_PPC64_TOC16_HA):          {size: 2},
		uint32(elf.R_PPC64_GOT16_DS):          {size: 2},
		uint32(elf.R_PPC64_GOT16_LO_DS):       {size: 2},
		uint32(elf.R_PPC64_GOT16_HA):          {size: 2},
		uint32(elf.R_PPC64_TOCSAVE):           {},
		uint32(elf.R_PPC64_ENTRY):             {},
		uint32(elf.R_PPC64_PLTSEQ):            {},
		uint32(elf.R_PPC64_PLTSEQ_NOTOC):      {},
		uint32(elf.R_PPC64_PLTCALL):           {size: 4, pcrel: true, branch: true},
		uint32(elf.R_PPC64_PLTCALL_NOTOC):     {size: 4, pcrel: true, branch: true},
		uint32(elf.R_PPC64_PLT16_HA):          {size: 2},
		uint32(elf.R_PPC64_PLT16_LO_DS):       {size: 2},
		uint32(elf.R_PPC64_PCREL_OPT):         {},
		uint32(elf.R_PPC64_PCREL34):           {size: 8, pcrel: true},
		uint32(elf.R_PPC64_GOT_PCREL34):       {size: 8, pcrel: true},
		uint32(elf.R_PPC64_PLT_PCREL34):       {size: 8, pcrel: true},
		uint32(elf.R_PPC64_PLT_PCREL34_NOTOC): {size: 8, pcrel: true},
	},
	padding: paddedWith("\x00\x00\x00\x60"), // nop
	linker:  map[string]bool{".TOC.": true},
	sections: withCommon(map[string]special{
		tocSection:                  {pool: true},
		"__ftr_fixup":               {relocs: 4},
		"__mmu_ftr_fixup":           {relocs: 4},
		"__fw_ftr_fixup":            {relocs: 4},
		"__lwsync_fixup":            {relocs: 1},
		"__barrier_nospec_fixup":    {relocs: 1},
		"__rfi_flush_fixup":         {relocs: 1},
		"__entry_flush_fixup":       {relocs: 1},
		"__scv_entry_flush_fixup":   {relocs: 1},
		"__uaccess_flush_fixup":     {relocs: 1},
		"__stf_entry_barrier_fixup": {relocs: 1},
		"__stf_exit_barrier_fixup":  {relocs: 1},
		"__btb_flush_fixup":         {relocs: 1},
		"__soft_mask_table":         {relocs: 2},
		"__restart_table":           {relocs: 3},
	}),
}

// tocSection holds the table of contents. It is writable so that the linker
// can share its entries, and nobody writes to it.
const tocSection = ".toc"
