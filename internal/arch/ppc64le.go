package arch

import "debug/elf"

// PPC64LE is 64-bit PowerPC, little-endian.
var PPC64LE = Arch{
	Name:    "ppc64le",
	Machine: elf.EM_PPC64,
	Kernel:  "powerpc",
	Triple:  "powerpc64le-linux-gnu",
	Debian:  Debian{Name: "ppc64el", Flavours: []string{"powerpc64le"}},
	Loader:  Loader{Absolute: uint32(elf.R_PPC64_ADDR64)},
	Kbuild:  Kbuild{Generated: "arch/powerpc/include/generated"},
}
