package disasm

import (
	"encoding/binary"
	"fmt"
	"strings"

	"golang.org/x/arch/x86/x86asm"

	"kintsugi/elfdiff"
)

// mark is a number that stands for the i-th name while x86asm prints an
// instruction. Real ones are no such numbers but by a rare chance, which would
// put a name in a wrong place of the text.
func mark(i int) int64 { return 0x5ea10c00 + int64(i) }

func markText(i int) string { return fmt.Sprintf("%#x", mark(i)) }

// decodeX86 is the text of one instruction, nil where x86asm does not know it
// or has another opinion about its length than the differ.
func decodeX86(d *disassembler, code []byte, pos int, fields []elfdiff.Ref) []part {
	if op := lateOpcodes[string(code)]; op != "" {
		return []part{plain(op)}
	}
	marked, names, rest := d.markFields(code, fields)
	inst, err := x86asm.Decode(marked, 64)
	if err != nil || inst.Len != len(code) || inst.Op == 0 {
		return nil
	}
	names = d.markRelative(&inst, pos, names)
	return append(split(gnuText(inst), names), d.behind(rest)...)
}

// markFields writes marks into the fields of relocations. rest are those
// whose field cannot hold one.
func (d *disassembler) markFields(code []byte, fields []elfdiff.Ref) (marked []byte, names []part, rest []elfdiff.Ref) {
	marked = append(marked, code...)
	for i := range fields {
		f := &fields[i]
		size, _, _ := elfdiff.RelocField(d.o.File.Machine, f.Type)
		if f.Off+uint64(size) > uint64(len(code)) || size != 4 && size != 8 {
			rest = append(rest, *f)
			continue
		}
		field := marked[f.Off : f.Off+uint64(size)]
		clear(field)
		binary.LittleEndian.PutUint32(field, uint32(mark(len(names))))
		names = append(names, d.reference(f))
	}
	return marked, names, rest
}

// markRelative puts a mark into an address that is relative to the
// instruction and needed no relocation: it is in the same section.
func (d *disassembler) markRelative(inst *x86asm.Inst, pos int, names []part) []part {
	end, next := int64(pos)+int64(inst.Len), mark(len(names))
	for i, arg := range inst.Args {
		switch arg := arg.(type) {
		case x86asm.Rel:
			if !isMark(int64(arg), names) {
				inst.Args[i] = x86asm.Rel(next)
				return append(names, d.near(end+int64(arg)))
			}
		case x86asm.Mem:
			if arg.Base == x86asm.RIP && !isMark(arg.Disp, names) {
				names = append(names, d.near(end+arg.Disp))
				arg.Disp = next
				inst.Args[i] = arg
				return names
			}
		}
	}
	return names
}

func isMark(v int64, names []part) bool { return v >= mark(0) && v < mark(len(names)) }

// near is the place that is off bytes from the function's start, in the
// function or elsewhere in its section.
func (d *disassembler) near(off int64) part {
	if off >= 0 && uint64(off) < d.a.Size {
		if off == 0 {
			return plain(Demangle(d.a.String()))
		}
		return d.place(d.a, off)
	}
	at := int64(d.a.Off) + off
	if atom := d.o.AtomAt(d.a.Section, uint64(at)); at >= 0 && atom != nil {
		return d.place(atom, at-int64(atom.Off))
	}
	return plain(fmt.Sprintf(".%+#x", off))
}

// split puts the names in the places of their marks.
func split(text string, names []part) []part {
	var parts []part
	for i, name := range names {
		before, after, ok := strings.Cut(text, markText(i))
		if !ok { // x86asm has not printed the field
			parts, text = append(parts, plain(text+"  # "), name), ""
			continue
		}
		parts = append(parts, plain(strings.TrimSuffix(before, ".+")), name)
		text = after
	}
	if text == "" {
		return parts
	}
	return append(parts, plain(text))
}

// gnuText is what objdump prints.
func gnuText(inst x86asm.Inst) string {
	text := x86asm.GNUSyntax(inst, 0, nil)
	prefixes := ""
	for {
		word, rest, ok := strings.Cut(text, " ")
		if !ok || !isPrefix(word) {
			break
		}
		prefixes, text = prefixes+word+" ", rest
	}
	op, operands, _ := strings.Cut(text, " ")
	if short, ok := shortened[op]; ok {
		op = short
	}
	return prefixes + mnemonic(op, operands)
}

// shortened are mnemonics that binutils have printed without the suffix since 2.33.
var shortened = map[string]string{"callq": "call", "retq": "ret", "jmpq": "jmp", "leaveq": "leave", "pushq": "push", "popq": "pop"}

func isPrefix(word string) bool {
	switch word {
	case "lock", "rep", "repz", "repnz", "repn", "data16", "data32", "addr32", "addr16", "bnd", "notrack", "xacquire", "xrelease",
		"cs", "ds", "es", "fs", "gs", "ss", "rex", "rex.W":
		return true
	}
	return strings.HasPrefix(word, "rex.")
}

// lateOpcodes are instructions without operands that kernels have and x86asm
// does not know (Intel SDM volume 2, AMD APM volume 3).
var lateOpcodes = map[string]string{
	"\xf3\x0f\x1e\xfa": "endbr64",
	"\xf3\x0f\x1e\xfb": "endbr32",
	"\x0f\x01\xca":     "clac",
	"\x0f\x01\xcb":     "stac",
	"\x0f\x01\xc0":     "enclv",
	"\x0f\x01\xc1":     "vmcall",
	"\x0f\x01\xc2":     "vmlaunch",
	"\x0f\x01\xc3":     "vmresume",
	"\x0f\x01\xc4":     "vmxoff",
	"\x0f\x01\xcf":     "encls",
	"\x0f\x01\xd0":     "xgetbv",
	"\x0f\x01\xd1":     "xsetbv",
	"\x0f\x01\xd7":     "enclu",
	"\x0f\x01\xd8":     "vmrun",
	"\x0f\x01\xd9":     "vmmcall",
	"\x0f\x01\xda":     "vmload",
	"\x0f\x01\xdb":     "vmsave",
	"\x0f\x01\xdc":     "stgi",
	"\x0f\x01\xdd":     "clgi",
	"\x0f\x01\xe8":     "serialize",
	"\x0f\x01\xee":     "rdpkru",
	"\x0f\x01\xef":     "wrpkru",
	"\x0f\x01\xf9":     "rdtscp",
	"\x0f\x01\xfc":     "clzero",
	"\xf3\x0f\x09":     "wbnoinvd",
	"\xf3\x0f\x01\xe8": "setssbsy",
	"\xf3\x0f\x01\xea": "saveprevssp",
}
