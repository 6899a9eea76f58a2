package disasm

import (
	"errors"
	"slices"

	"golang.org/x/arch/x86/x86asm"
)

var errNotVMX = errors.New("not vmread or vmwrite")

// decodeVMX decodes vmread and vmwrite (0f 78 and 0f 79, Intel SDM volume 3, 31.3), which x86asm
// does not know and KVM uses often. It decodes them as imul, which has the same operands. Only the
// width differs: it is always 64 bits.
func decodeVMX(code []byte) (inst x86asm.Inst, name string, err error) {
	at := 0
	for at < len(code) && (code[at]&0xf0 == 0x40 || code[at] == 0x65 || code[at] == 0x2e || code[at] == 0x3e) {
		at++
	}
	if at+2 > len(code) || code[at] != 0x0f || code[at+1]&^1 != 0x78 {
		return inst, "", errNotVMX
	}
	as := slices.Clone(code)
	as[at+1] = 0xaf
	if inst, err = x86asm.Decode(as, 64); err != nil {
		return inst, "", err
	}
	for i, arg := range inst.Args {
		if r, ok := arg.(x86asm.Reg); ok && r >= x86asm.EAX && r <= x86asm.R15L {
			inst.Args[i] = r - x86asm.EAX + x86asm.RAX
		}
	}
	if code[at+1] == 0x79 {
		return inst, "vmwrite", nil
	}
	inst.Args[0], inst.Args[1] = inst.Args[1], inst.Args[0]
	return inst, "vmread", nil
}
