package arch

import "debug/elf"

// Loong64 is 64-bit LoongArch.
var Loong64 = Arch{
	Name:    "loongarch64",
	Machine: elf.EM_LOONGARCH,
	Kernel:  "loongarch",
	Triple:  "loongarch64-linux-gnu",
	Debian:  Debian{Name: "loong64", Flavours: []string{"loong64"}},
	Loader:  Loader{Absolute: uint32(elf.R_LARCH_64)},
	Kbuild:  Kbuild{Generated: "arch/loongarch/include/generated"},
}
