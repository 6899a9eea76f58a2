package elfdiff

import "debug/elf"

// amd64 is x86-64: the psABI's relocations as the kernel uses them
// (arch/x86/kernel/module.c knows no others; those of the global offset table
// are taken out while an object is loaded) and the special sections of
// arch/x86/kernel/vmlinux.lds.S and scripts/module.lds.S.
var amd64 = arch{
	machine: elf.EM_X86_64,
	name:    "x86_64",
	relocs: map[uint32]relocKind{
		uint32(elf.R_X86_64_NONE):  {},
		uint32(elf.R_X86_64_64):    {size: 8},
		uint32(elf.R_X86_64_32):    {size: 4},
		uint32(elf.R_X86_64_32S):   {size: 4},
		uint32(elf.R_X86_64_16):    {size: 2},
		uint32(elf.R_X86_64_8):     {size: 1},
		uint32(elf.R_X86_64_PC64):  {size: 8, pcrel: true},
		uint32(elf.R_X86_64_PC32):  {size: 4, pcrel: true},
		uint32(elf.R_X86_64_PC8):   {size: 1, pcrel: true},
		uint32(elf.R_X86_64_PLT32): {size: 4, pcrel: true},

		uint32(elf.R_X86_64_GOTPCREL):      {size: 4, pcrel: true, got: true},
		uint32(elf.R_X86_64_GOTPCRELX):     {size: 4, pcrel: true, got: true},
		uint32(elf.R_X86_64_REX_GOTPCRELX): {size: 4, pcrel: true, got: true},
	},
	decode:       x86Decode,
	ungot:        x86Ungot,
	near:         uint32(elf.R_X86_64_PLT32),
	short:        uint32(elf.R_X86_64_PC8),
	padding:      x86Padding,
	loadVariable: x86LoadVariable,
	sections: withCommon(map[string]special{
		// Made for call padding too; ftrace goes by __mcount_loc alone (HAVE_DYNAMIC_FTRACE_NO_PATCHABLE).
		"__patchable_function_entries": {relocs: 1},
		".parainstructions":            {relocs: 1},
		".smp_locks":                   {relocs: 1},
		".static_call_sites":           {relocs: 2},
		".retpoline_sites":             {relocs: 1},
		".return_sites":                {relocs: 1},
		".call_sites":                  {relocs: 1},
		".ibt_endbr_seal":              {relocs: 1},
		".orc_unwind_ip":               {parallel: ".orc_unwind"},
		".orc_unwind":                  {parallelTo: ".orc_unwind_ip"},
		".orc_header":                  {whole: true},
		".static_call_tramp_key":       {unowned: true},
		".static_call.text":            {unowned: true},
	}),
}

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

// x86NopLen is the length of the filler instruction that code begins with, 0 for any other.
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
		return int(x86Decode(code).size)
	}
	return 0
}
