// Package arch holds what kintsugi knows of each machine architecture, as one
// value a machine. Every other room asks this value; none names an
// architecture itself.
//
// A field that is empty for a machine is a fact that nobody has checked yet.
// What depends on it is refused for that machine, never guessed.
package arch

import (
	"debug/elf"
	"fmt"
)

// Arch describes one machine architecture.
type Arch struct {
	Name    string      // as uname -m prints it: x86_64
	Machine elf.Machine // e_machine of its objects
	Kernel  string      // its directory below arch/ in the kernel's source (SRCARCH, top Makefile): x86
	Triple  string      // of its compiler and binutils: x86_64-linux-gnu
	Debian  Debian
	Relocs  map[uint32]Reloc // by type, those that its kernels' objects have
	Code    Code
	Symbols Symbols
	// Sections are the special sections by name; see Arch.Section.
	Sections map[string]Section
	Loader   Loader
	// RelocName is a relocation type as the ABI calls it; nil: its number is all that is known.
	RelocName func(typ uint32) string
	Entry     Entry
	Image     Image
	Kbuild    Kbuild
	QEMU      QEMU
}

// Debian is what Debian calls the architecture.
type Debian struct {
	Name     string   // of the architecture, dpkg --print-architecture: amd64
	Flavours []string // of its kernels, the plain one first: amd64, cloud-amd64, rt-amd64
}

// Loader is what the kernel's module loader does with relocations.
type Loader struct {
	// Applies is the size in bytes of the field that each relocation type fills,
	// for the types that the loader applies (apply_relocate_add,
	// arch/*/kernel/module.c). Others make it refuse the module.
	Applies map[uint32]int
	// Absolute is the type of a pointer in data.
	Absolute uint32
	// Relative are the types of Applies whose value counts from the field itself.
	Relative []uint32
	// WantsZero is true if the loader refuses a field that is not zero before it
	// is relocated.
	WantsZero bool
	// Ignored are undefined symbols that the loader accepts although nothing exports
	// them (ignore_undef_symbol, kernel/module/internal.h).
	Ignored []string
	// Poke is how a livepatch writes to code that is write-protected.
	Poke Poke
}

// Poke is what a module calls to write to code (arch/*/include/asm).
type Poke struct {
	Header string // that declares the functions: asm/text-patching.h; empty: not known
	Write  string // void *Write(void *addr, const void *opcode, size_t len), under text_mutex
	Sync   string // void Sync(void): afterwards all CPUs see what was written
}

// Entry is what lies at and before the entry of a function.
type Entry struct {
	// LandingPad is the instruction that an indirect branch must find, nil if
	// the architecture has none (CONFIG_X86_KERNEL_IBT).
	LandingPad []byte
	// FtraceSites are the distances in bytes from the entry at which ftrace's call
	// can lie (ftrace_location, kernel/trace/ftrace.c).
	FtraceSites []uint64
	// SiteTable is true if the image has its ftrace sites as absolute addresses
	// in __mcount_loc, written by the linker and not at boot.
	SiteTable bool
	// Sealed is the list of functions whose LandingPad the kernel overwrites at boot,
	// or when it loads the module.
	Sealed SealedList
}

// SealedList is where a list of 32-bit offsets lies, each counted from itself.
type SealedList struct {
	Start, End string // symbols around it in the image
	Section    string // of a module
}

// Image is how a kernel image is packed.
type Image struct {
	Boot string // path of the bootable image below the build folder: arch/x86/boot/bzImage
	// Magic lies at MagicAt in a bootable image; empty: not checked.
	Magic   string
	MagicAt int64
	// Format is what the bootable image is called: bzImage.
	Format string
	// Payload returns the packed kernel within a bootable image, and ErrFormat for a
	// file of another format. nil: the format is not known.
	Payload func(file []byte) ([]byte, error)
	// Modules are the addresses of modules.
	Modules Window
}

// Window is a range of addresses for modules, and one for what they import: so
// close that relocations of the module loader reach from one to the other.
type Window struct {
	Imports, Start, End uint64
}

// Kbuild is what the kernel's build does for this architecture alone.
type Kbuild struct {
	// Images are the directories whose code is linked into another image than vmlinux.
	Images []OtherImage
	// JumpLabels is the header that makes jump labels.
	JumpLabels string
	// Offsets are the C files that the build generates headers from (asm-offsets).
	Offsets []string
	// Generated are the directories of generated headers; one that exists is the trace of a build.
	Generated string
	// BootDir is the directory of the boot code, and BootGoal the goal that compiles it.
	BootDir, BootGoal string
	// Linked are the boot code's headers of addresses, which only linking the kernel shows.
	Linked []LinkedHeader
	// Tools is the directory of the build's own programs for the architecture, empty for none.
	Tools string
}

// LinkedHeader is a generated header of addresses in the linked kernel.
type LinkedHeader struct {
	Header string // path below the source tree
	Prefix string // of the macros that it defines: VO_
}

// OtherImage is a directory of code that livepatch cannot reach.
type OtherImage struct {
	Dir  string // below the source tree
	Name string // for a person: the vDSO
}

// QEMU is how a kernel of the architecture is booted.
type QEMU struct {
	Program string // qemu-system-x86_64; empty: not tried
	Package string // of Debian, that has the program: qemu-system-x86
	Machine string // q35
	CPU     string // under emulation: max
	// Emulation is QEMU's accelerator without KVM, with its options.
	Emulation string
	// KVM are the flags in /proc/cpuinfo of a CPU that has one of the extensions that KVM needs.
	KVM     []string
	Console string // of the kernel: ttyS0
	Channel string // the second serial port of the guest: ttyS1
	// Append are arguments of the kernel that only this machine needs.
	Append string
}

// all are the architectures, the one that targets have so far first.
var all = []*Arch{&AMD64, &ARM64, &PPC64LE, &S390X, &Loong64}

// ByMachine returns the architecture of an object's e_machine.
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

// All returns the architectures.
func All() []*Arch { return all }

// libstub is linked into the image's EFI entry on all architectures that have one.
var libstub = OtherImage{"drivers/firmware/efi/libstub", "the EFI stub"}
