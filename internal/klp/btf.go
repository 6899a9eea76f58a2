package klp

import (
	"bytes"
	"encoding/binary"

	"kintsugi/internal/kimage"
)

// moduleSize is sizeof(struct module) in the kernel, 0 if unknown. A kernel with
// CONFIG_DEBUG_INFO_BTF has a description of its types between __start_BTF and
// __stop_BTF (include/asm-generic/vmlinux.lds.h).
func (k *Kernel) moduleSize() uint64 {
	begin, ok1 := address(k.Image, "__start_BTF")
	end, ok2 := address(k.Image, "__stop_BTF")
	if !ok1 || !ok2 || end <= begin {
		return 0
	}
	data, err := k.Image.Bytes(begin, end-begin)
	if err != nil {
		return 0
	}
	return structSize(data, "module")
}

// address returns the address of the only symbol of a name.
func address(im *kimage.Image, name string) (uint64, bool) {
	found := im.Lookup(name)
	if len(found) != 1 {
		return 0, false
	}
	return im.Symbols[found[0]].Addr, true
}

// BTF is described in Documentation/bpf/btf.rst.
const (
	btfMagic      = 0xeb9f
	btfTypeSize   = 12 // struct btf_type
	btfKindStruct = 4
)

// btfExtra is the number of bytes after a struct btf_type by kind: fixed, and for
// each member.
var btfExtra = map[uint32]struct{ fixed, each uint32 }{
	1: {4, 0}, 3: {12, 0}, 4: {0, 12}, 5: {0, 12}, 6: {0, 8},
	13: {0, 8}, 14: {4, 0}, 15: {0, 12}, 17: {4, 0}, 19: {0, 12},
}

// structSize returns the size of the struct of a name, 0 if there is none.
func structSize(btf []byte, name string) uint64 {
	types, names, ok := btfSections(btf)
	if !ok {
		return 0
	}
	word := binary.LittleEndian.Uint32
	for len(types) >= btfTypeSize {
		info := word(types[4:])
		kind, members := info>>24&0x1f, info&0xffff
		if kind == btfKindStruct && btfName(names, word(types), name) {
			return uint64(word(types[8:]))
		}
		size := btfTypeSize + btfExtra[kind].fixed + members*btfExtra[kind].each
		types = types[min(int(size), len(types)):]
	}
	return 0
}

// btfSections returns the types and the names.
func btfSections(btf []byte) (types, names []byte, ok bool) {
	if len(btf) < 24 || binary.LittleEndian.Uint16(btf) != btfMagic {
		return nil, nil, false
	}
	word := func(off int) uint64 { return uint64(binary.LittleEndian.Uint32(btf[off:])) }
	part := func(off int) []byte {
		start := word(4) + word(off)
		end := start + word(off+4)
		if end > uint64(len(btf)) {
			return nil
		}
		return btf[start:end]
	}
	types, names = part(8), part(16)
	return types, names, types != nil && names != nil
}

func btfName(names []byte, offset uint32, want string) bool {
	if uint64(offset) >= uint64(len(names)) {
		return false
	}
	rest, ok := bytes.CutPrefix(names[offset:], []byte(want))
	return ok && len(rest) > 0 && rest[0] == 0
}
