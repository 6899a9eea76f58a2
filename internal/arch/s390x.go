package arch

import "debug/elf"

// S390X is 64-bit z/Architecture, big-endian.
var S390X = Arch{
	Name:    "s390x",
	Machine: elf.EM_S390,
	Kernel:  "s390",
	Triple:  "s390x-linux-gnu",
	Debian:  Debian{Name: "s390x", Flavours: []string{"s390x"}},
	Loader:  Loader{Absolute: uint32(elf.R_390_64)},
	Kbuild:  Kbuild{Generated: "arch/s390/include/generated"},
}
