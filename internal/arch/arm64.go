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
	Kbuild:  Kbuild{Generated: "arch/arm64/include/generated"},
}
