package arch

import "debug/elf"

// AMD64 is x86-64.
var AMD64 = Arch{
	Name:    "x86_64",
	Machine: elf.EM_X86_64,
	Kernel:  "x86",
	Triple:  "x86_64-linux-gnu",
	Debian:  Debian{Name: "amd64", Flavours: []string{"amd64", "cloud-amd64", "rt-amd64"}},
	Loader: Loader{ // apply_relocate_add, arch/x86/kernel/module.c
		Applies: map[uint32]int{
			uint32(elf.R_X86_64_NONE):  0,
			uint32(elf.R_X86_64_64):    8,
			uint32(elf.R_X86_64_32):    4,
			uint32(elf.R_X86_64_32S):   4,
			uint32(elf.R_X86_64_PC32):  4,
			uint32(elf.R_X86_64_PLT32): 4,
			uint32(elf.R_X86_64_PC64):  8,
		},
		Absolute: uint32(elf.R_X86_64_64),
		Relative: []uint32{
			uint32(elf.R_X86_64_PC32),
			uint32(elf.R_X86_64_PLT32),
			uint32(elf.R_X86_64_PC64),
		},
		WantsZero: true,
		Ignored:   []string{"_GLOBAL_OFFSET_TABLE_"},
		Poke:      Poke{Header: "asm/text-patching.h", Write: "text_poke", Sync: "text_poke_sync"},
	},
	RelocName: func(typ uint32) string { return elf.R_X86_64(typ).String() },
	Entry: Entry{
		LandingPad:  x86LandingPad,
		FtraceSites: []uint64{0, 4},
		SiteTable:   true,
		Sealed: SealedList{ // apply_seal_endbr, arch/x86/kernel/alternative.c
			Start:   "__ibt_endbr_seal",
			End:     "__ibt_endbr_seal_end",
			Section: ".ibt_endbr_seal",
		},
	},
	Image: Image{
		Boot:    "arch/x86/boot/bzImage",
		Magic:   "HdrS", // Documentation/x86/boot.rst
		MagicAt: 0x202,
		Format:  "bzImage",
		Payload: bzImagePayload,
		Modules: Window{ // arch/x86/include/asm/page_64_types.h, pgtable_64_types.h
			Imports: 0xffffffff80000000, // __START_KERNEL_map
			Start:   0xffffffffa0000000, // MODULES_VADDR
			End:     0xffffffffff000000, // MODULES_END
		},
	},
	Kbuild: Kbuild{
		Config: "X86_64",
		Images: []OtherImage{
			{"arch/x86/entry/vdso", "the vDSO"},
			{"arch/x86/realmode", "the real-mode trampoline"},
			{"arch/x86/boot", "the boot loader stub"},
			{"arch/x86/purgatory", "the kexec purgatory"},
			libstub,
		},
		JumpLabels: "arch/x86/include/asm/jump_label.h",
		Offsets: []string{"arch/x86/kernel/asm-offsets.c", "arch/x86/kernel/asm-offsets_32.c",
			"arch/x86/kernel/asm-offsets_64.c"},
		Generated: "arch/x86/include/generated",
		BootDir:   "arch/x86/boot",
		BootGoal:  "arch/x86/boot/setup.elf",
		Linked:    []LinkedHeader{{"arch/x86/boot/voffset.h", "VO_"}, {"arch/x86/boot/zoffset.h", "ZO_"}},
		Tools:     "arch/x86/tools",
	},
	QEMU: QEMU{
		Program: "qemu-system-x86_64",
		Package: "qemu-system-x86",
		Machine: "q35",
		CPU:     "max",
		// All emulated CPUs run in one thread. With a thread per CPU, one CPU can still run the
		// breakpoint that another has written into its code and already removed. A kernel does this
		// all the time (text_poke_bp, arch/x86/kernel/alternative.c), and real processors handle
		// it.
		Emulation: "tcg,thread=single",
		KVM:       []string{"vmx", "svm"},
		Console:   "ttyS0",
		Channel:   "ttyS1",
		// An emulated CPU on a busy host can pause for seconds. A kernel whose first ticks are late
		// panics in check_timer (arch/x86/kernel/apic/io_apic.c).
		Append: "no_timer_check",
	},
	Relocs: amd64Relocs,
	Code: Code{
		Decode:            x86Decode,
		RelaxGOT:          x86RelaxGOT,
		Argument:          x86Argument,
		Stored:            x86Stored,
		Borrows:           x86Borrows,
		Near:              uint32(elf.R_X86_64_PLT32),
		Short:             uint32(elf.R_X86_64_PC8),
		Padding:           x86Padding,
		Filler:            0xcc, // int3
		LoadVariable:      x86LoadVariable,
		ReplacementLength: x86ReplacementLength,
	},
	Symbols: Symbols{Runtime: []string{"__x86_", "__fentry__", "__stack_chk_fail"},
		Silent: []string{"__fentry__", "__stack_chk_fail", "__x86_return_thunk"}},
	// arch/x86/kernel/vmlinux.lds.S, scripts/module.lds.S
	Sections: withCommon(map[string]Section{
		// Call padding makes entries too; ftrace uses __mcount_loc
		// (HAVE_DYNAMIC_FTRACE_NO_PATCHABLE).
		"__patchable_function_entries": {Relocs: 1},
		".parainstructions":            {Relocs: 1},
		".smp_locks":                   {Relocs: 1},
		".static_call_sites":           {Relocs: 2},
		".retpoline_sites":             {Relocs: 1},
		".return_sites":                {Relocs: 1},
		".call_sites":                  {Relocs: 1},
		".ibt_endbr_seal":              {Relocs: 1},
		".orc_unwind_ip":               {Parallel: ".orc_unwind"},
		".orc_unwind":                  {ParallelTo: ".orc_unwind_ip"},
		".orc_header":                  {Whole: true},
		".static_call_tramp_key":       {Unowned: true},
		".static_call.text":            {Unowned: true},
	}),
}

// amd64Relocs are the psABI's relocations that kernel objects have. The module loader applies
// fewer: those of the global offset table are relaxed while objects are read.
var amd64Relocs = map[uint32]Reloc{
	uint32(elf.R_X86_64_NONE):  {},
	uint32(elf.R_X86_64_64):    {Size: 8},
	uint32(elf.R_X86_64_32):    {Size: 4, Unsigned: true},
	uint32(elf.R_X86_64_32S):   {Size: 4},
	uint32(elf.R_X86_64_16):    {Size: 2},
	uint32(elf.R_X86_64_8):     {Size: 1},
	uint32(elf.R_X86_64_PC64):  {Size: 8, PCRel: true},
	uint32(elf.R_X86_64_PC32):  {Size: 4, PCRel: true},
	uint32(elf.R_X86_64_PC8):   {Size: 1, PCRel: true},
	uint32(elf.R_X86_64_PLT32): {Size: 4, PCRel: true},

	uint32(elf.R_X86_64_GOTPCREL):      {Size: 4, PCRel: true, GOT: true},
	uint32(elf.R_X86_64_GOTPCRELX):     {Size: 4, PCRel: true, GOT: true},
	uint32(elf.R_X86_64_REX_GOTPCRELX): {Size: 4, PCRel: true, GOT: true},
}
