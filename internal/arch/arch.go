// Package arch holds the facts about each machine architecture, one value per architecture. Every
// other package asks this value; none names an architecture itself.
//
// An empty field is a fact that nobody has checked yet. Whatever needs it is refused for that
// architecture, never guessed.
package arch

import (
	"debug/elf"
	"fmt"
)

// Arch describes one machine architecture.
type Arch struct {
	Name    string      // as uname -m prints it: x86_64
	Machine elf.Machine // e_machine of its objects
	Kernel  string      // directory below arch/ in the kernel's source (SRCARCH, top Makefile): x86
	Triple  string      // of its compiler and binutils: x86_64-linux-gnu
	Debian  Debian
	Relocs  map[uint32]Reloc // by type: the relocations in objects of its kernels
	Code    Code
	Symbols Symbols
	// Sections are the special sections of this architecture by name. Use Arch.Section to look one
	// up.
	Sections map[string]Section
	Loader   Loader
	// RelocName returns the ABI's name of a relocation type. If it is nil, only the number is
	// known.
	RelocName func(typ uint32) string
	Entry     Entry
	Image     Image
	Kbuild    Kbuild
	QEMU      QEMU
}

// Debian holds Debian's names of the architecture.
type Debian struct {
	Name     string   // of the architecture (dpkg --print-architecture): amd64
	Flavours []string // of its kernels, the plain one first: amd64, cloud-amd64, rt-amd64
}

// Loader describes how the kernel's module loader applies relocations.
type Loader struct {
	// Applies is the size in bytes of the field of each relocation type that the loader applies
	// (apply_relocate_add, arch/*/kernel/module.c). The loader refuses a module with any other
	// type.
	Applies map[uint32]int
	// Absolute is the type of a pointer in data.
	Absolute uint32
	// Relative are the types of Applies whose value is relative to the address of the field.
	Relative []uint32
	// WantsZero reports whether the loader refuses a field that is not zero before relocation.
	WantsZero bool
	// Ignored are undefined symbols that the loader accepts although nothing exports them
	// (ignore_undef_symbol, kernel/module/internal.h).
	Ignored []string
	// Poke describes how a livepatch writes to write-protected code.
	Poke Poke
}

// Poke names the functions that a module calls to write to code (arch/*/include/asm).
type Poke struct {
	Header string // header that declares the functions: asm/text-patching.h; empty: not known
	Write  string // void *Write(void *addr, const void *opcode, size_t len), under text_mutex
	Sync   string // void Sync(void): afterwards all CPUs see the new code
}

// Entry describes the bytes before and at the entry of a function.
type Entry struct {
	// LandingPad is the instruction that an indirect branch must hit (CONFIG_X86_KERNEL_IBT). It is
	// nil if the architecture has none.
	LandingPad []byte
	// FtraceSites are the possible offsets in bytes of ftrace's call from the entry
	// (ftrace_location, kernel/trace/ftrace.c).
	FtraceSites []uint64
	// SiteTable reports whether __mcount_loc of the image has absolute addresses, written by the
	// linker and not at boot.
	SiteTable bool
	// Sealed is the list of functions whose LandingPad the kernel overwrites, at boot or when it
	// loads their module.
	Sealed SealedList
}

// SealedList is the place of a list of 32-bit offsets. Each offset is relative to its own address.
type SealedList struct {
	Start, End string // symbols that enclose the list in the image
	Section    string // section of a module
}

// Image describes how a kernel image is packed.
type Image struct {
	Boot string // path of the bootable image below the build folder: arch/x86/boot/bzImage
	// Magic is at offset MagicAt of a bootable image. If it is empty, nothing is checked.
	Magic   string
	MagicAt int64
	// Format is the name of the image's format: bzImage.
	Format string
	// Payload returns the compressed kernel in a bootable image. Its error is ErrFormat for a file
	// of another format. Payload is nil if the format is not known.
	Payload func(file []byte) ([]byte, error)
	// Modules is where modules are loaded.
	Modules Window
}

// Window is the address range of modules, and of what they import. Relocations of the module loader
// reach from any address in it to any other.
type Window struct {
	Imports, Start, End uint64
}

// Kbuild holds what the kernel's build does for this architecture only.
type Kbuild struct {
	// Config is the symbol of kconfig that is set for the architecture, and no other: X86_64.
	Config string
	// Images are the directories whose code is linked into another image than vmlinux.
	Images []OtherImage
	// JumpLabels is the header that emits jump labels.
	JumpLabels string
	// Offsets are the C files from which the build generates headers (asm-offsets).
	Offsets []string
	// Generated are the directories of generated headers. If one exists, the tree was built.
	Generated string
	// BootDir is the directory of the boot code, and BootGoal the goal that compiles it.
	BootDir, BootGoal string
	// Linked are the boot code's headers with addresses that only linking the kernel fixes.
	Linked []LinkedHeader
	// Tools is the directory of the build's own programs for the architecture, or empty.
	Tools string
}

// LinkedHeader is a generated header that contains addresses in the linked kernel.
type LinkedHeader struct {
	Header string // path below the source tree
	Prefix string // of the macros that it defines: VO_
}

// OtherImage is a directory of code that a livepatch cannot reach.
type OtherImage struct {
	Dir  string // below the source tree
	Name string // for messages: the vDSO
}

// QEMU describes how a kernel of the architecture is booted.
type QEMU struct {
	Program string // qemu-system-x86_64; empty: no known way to boot
	Package string // Debian's package of the program: qemu-system-x86
	Machine string // q35
	CPU     string // CPU model under emulation: max
	// Emulation is QEMU's accelerator without KVM, with its options.
	Emulation string
	// KVM are CPU flags in /proc/cpuinfo. KVM needs one of them.
	KVM     []string
	Console string // the kernel's console: ttyS0
	Channel string // the second serial port of the guest: ttyS1
	// Append is added to the kernel's command line on this architecture only.
	Append string
}

// all lists the architectures. The first is the only one that targets have so far.
var all = []*Arch{&AMD64, &ARM64, &PPC64LE, &S390X, &Loong64}

// ByMachine returns the architecture for e_machine of an object.
func ByMachine(m elf.Machine) (*Arch, error) {
	for _, a := range all {
		if a.Machine == m {
			return a, nil
		}
	}
	return nil, fmt.Errorf("unsupported machine %v", m)
}

// ByName returns the architecture that uname -m or Debian calls name.
func ByName(name string) (*Arch, error) {
	for _, a := range all {
		if a.Name == name || a.Debian.Name == name {
			return a, nil
		}
	}
	return nil, fmt.Errorf("unsupported architecture %q", name)
}

func All() []*Arch { return all }

// OfTargets returns the architecture of all targets.
func OfTargets() *Arch { return all[0] }

// libstub is linked into the image's EFI entry on every architecture that has one.
var libstub = OtherImage{"drivers/firmware/efi/libstub", "the EFI stub"}
