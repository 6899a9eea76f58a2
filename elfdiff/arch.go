package elfdiff

import (
	"debug/elf"
	"fmt"
)

// arch is what the differ knows of one architecture, as data.
type arch struct {
	machine elf.Machine
	name    string
	// relocs are the relocations that its kernels use.
	relocs map[uint32]relocKind
	// insn decodes one instruction; nil where relocations in code need no decoding.
	insn func(code []byte) (length int, branch bool)
	// padding reports whether code is nothing but filler between functions.
	padding func(code []byte) bool
	// sections are the special sections, by name.
	sections map[string]special
}

// relocKind is what a relocation writes.
type relocKind struct {
	size  uint8 // bytes of the field
	pcrel bool
}

// RelocField gives the size in bytes of the field that a relocation of type
// typ fills on machine, and whether it is relative to the field's own
// address. ok is false for types that kintsugi does not know.
func RelocField(machine elf.Machine, typ uint32) (size int, pcrel, ok bool) {
	a, err := archOf(machine)
	if err != nil {
		return 0, false, false
	}
	k, ok := a.relocs[typ]
	return int(k.size), k.pcrel, ok
}

func archOf(m elf.Machine) (*arch, error) {
	for _, a := range []*arch{&amd64} {
		if a.machine == m {
			return a, nil
		}
	}
	return nil, fmt.Errorf("unsupported machine %v", m)
}
