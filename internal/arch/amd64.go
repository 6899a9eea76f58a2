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
	},
	Entry: Entry{
		LandingPad:  []byte{0xf3, 0x0f, 0x1e, 0xfa}, // endbr64
		FtraceSites: []uint64{0, 4},
		SiteTable:   true,
	},
	Image: Image{Boot: "arch/x86/boot/bzImage", Magic: "HdrS", MagicAt: 0x202}, // Documentation/x86/boot.rst
	Kbuild: Kbuild{
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
		Tools:     "arch/x86/tools",
	},
	QEMU: QEMU{
		Program: "qemu-system-x86_64",
		Package: "qemu-system-x86",
		Machine: "q35",
		CPU:     "max",
		// Emulated CPUs take turns in one thread: of two threads, one can still run
		// the breakpoint that the other has put into its code and taken out again. A
		// kernel does that all the time (text_poke_bp, arch/x86/kernel/alternative.c),
		// a processor never.
		Emulation: "tcg,thread=single",
		KVM:       []string{"vmx", "svm"},
		Console:   "ttyS0",
		Channel:   "ttyS1",
		// An emulated CPU on a busy host stands still for seconds, and a kernel whose
		// first ticks are late panics in check_timer (arch/x86/kernel/apic/io_apic.c).
		Append: "no_timer_check",
	},
}
