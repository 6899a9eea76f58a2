package disasm

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"regexp"
	"strings"

	"golang.org/x/arch/x86/x86asm"

	"kintsugi/internal/objmodel"
)

// mark returns a number that stands for the i-th name while x86asm prints an instruction. If real
// code contains this number, which is rare, a name appears in the wrong place of the text.
func mark(i int) int64 { return 0x5ea10c00 + int64(i) }

func markText(i int) string { return fmt.Sprintf("%#x", mark(i)) }

// decodeX86 returns the text of one instruction. It returns nil if x86asm does not know the
// instruction, or if its length differs from internal/arch.
func decodeX86(d *disassembler, code []byte, pos int, fields []objmodel.Ref) []part {
	if op := lateOpcodes[string(code)]; op != "" {
		return []part{plain(op)}
	}
	marked, names, rest := d.markFields(code, fields)
	inst, err := x86asm.Decode(marked, 64)
	name := ""
	if err != nil {
		inst, name, err = decodeVMX(marked)
	}
	if err != nil || inst.Len != len(code) || inst.Op == 0 {
		return nil
	}
	fixDisplacement(&inst, marked)
	if inst.Op == x86asm.RDRAND && inst.Args[0] == nil {
		return nil // x86asm omits the register
	}
	if _, jump := inst.Args[0].(x86asm.Rel); jump && len(rest) == 1 {
		inst.Args[0] = x86asm.Rel(mark(len(names))) // a short jump, whose field is one byte
		names, rest = append(names, d.reference(&rest[0])), nil
	}
	names = d.markRelative(&inst, pos, names)
	parts := append(split(gnuText(inst, name), names), d.behind(rest)...)
	return append(parts, encoding(inst, marked))
}

// encoding returns a part without text. Its key distinguishes instructions with the same text by
// their bytes, except for a field that refers to another place. The two encodings of a jump have
// the same key.
func encoding(inst x86asm.Inst, marked []byte) part {
	if _, jump := inst.Args[0].(x86asm.Rel); jump {
		return plain("")
	}
	clear(marked[inst.PCRelOff : inst.PCRelOff+inst.PCRel])
	return part{key: "\x00" + string(marked), target: -1}
}

// markFields writes marks into the relocated fields. rest are the references whose field is too
// small for a mark.
func (d *disassembler) markFields(code []byte, fields []objmodel.Ref) (marked []byte, names []part,
	rest []objmodel.Ref) {
	marked = append(marked, code...)
	for i := range fields {
		f := &fields[i]
		size := d.o.Reloc(f.Type).Size
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

// markRelative replaces a PC-relative address without relocation by a mark. Such an address is in
// the same section.
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

// near returns the text for the place off bytes from the function's start. The place can be in the
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

// split replaces the marks in text by their names.
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

// gnuText returns the instruction as objdump prints it, which is newer than x86asm: mnemonics
// without a needless suffix, scales of one written out, immediates as wide as the operand.
//
// name replaces the mnemonic, if not empty.
func gnuText(inst x86asm.Inst, name string) string {
	if inst.Op == x86asm.NOP && inst.Args[0] == nil && inst.Len == 2 && inst.DataSize == 16 {
		return mnemonic("xchg", "%ax,%ax")
	}
	masked := maskImmediate(&inst)
	zero := markZero(&inst)
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
	op = cmp.Or(name, renamed[op], op)
	if name := op[:max(len(op)-1, 0)]; suffixless[name] {
		op = name
	}
	_, immediate := inst.Args[1].(x86asm.Imm)
	if immediate && inst.Op == x86asm.MOV && inst.Opcode>>27 == 0xb8>>3 && inst.DataSize == 64 {
		op = "movabs"
	}
	if masked != "" {
		operands = strings.Replace(operands, markText(maskedMark), masked, 1)
	}
	if zero {
		operands = strings.Replace(operands, markText(zeroMark), "0x0", 1)
	}
	if inst.Op == x86asm.NOP && strings.HasPrefix(operands, "%cs:") {
		prefixes, operands = strings.ReplaceAll(prefixes, "data32", "data16")+"cs ", operands[len("%cs:"):]
	}
	operands = noIndex.ReplaceAllString(strings.ReplaceAll(operands, " {", "{"), "")
	operands = scaleOne.ReplaceAllString(operands, "($1,$2,1)")
	switch {
	case op == "sysretq":
		prefixes = strings.ReplaceAll(prefixes, "rex.W ", "")
	case prefixes != "" && operands != "":
		return prefixes + op + " " + operands
	}
	return prefixes + mnemonic(op, operands)
}

var (
	scaleOne = regexp.MustCompile(`\((%\w+),(%\w+)\)`)
	noIndex  = regexp.MustCompile(`,%[re]iz(,1)?`) // x86asm prints an index register although there is none
)

// These marks stand for numbers, not names.
const (
	maskedMark = 99 - iota
	zeroMark
)

// markZero replaces the address 0, which x86asm does not print, by a mark.
func markZero(inst *x86asm.Inst) bool {
	for i, arg := range inst.Args {
		if m, ok := arg.(x86asm.Mem); ok && m.Base == 0 && m.Index == 0 && m.Disp == 0 {
			m.Disp = mark(zeroMark)
			inst.Args[i] = m
			return true
		}
	}
	return false
}

// maskImmediate replaces a negative immediate by a mark. It returns the text of objdump, which is
// as wide as the operand.
func maskImmediate(inst *x86asm.Inst) string {
	for i, arg := range inst.Args {
		v, ok := arg.(x86asm.Imm)
		if !ok || v >= 0 {
			continue
		}
		size := inst.DataSize
		if r, ok := inst.Args[0].(x86asm.Reg); ok && r <= x86asm.R15B || !ok && inst.MemBytes == 1 {
			size = 8
		}
		if inst.Op == x86asm.PUSH {
			size = 64
		}
		inst.Args[i] = x86asm.Imm(mark(maskedMark))
		return fmt.Sprintf("%#x", uint64(v)&(1<<size-1))
	}
	return ""
}

// fixDisplacement corrects addresses of x86asm. A displacement of four bytes has a sign, and AVX
// instructions can be PC-relative too.
func fixDisplacement(inst *x86asm.Inst, code []byte) {
	for i, arg := range inst.Args {
		m, ok := arg.(x86asm.Mem)
		if !ok {
			continue
		}
		if m.Disp>>31 == 1 {
			m.Disp = int64(int32(m.Disp))
		}
		if m.Base == 0 && m.Index == 0 && vexRelative(code) {
			m.Base = x86asm.RIP
		}
		inst.Args[i] = m
	}
}

// vexRelative reports whether a VEX or EVEX instruction has a PC-relative address: ModRM.mod 0 and
// ModRM.rm 5 (Intel SDM volume 2, 2.2.1.6).
func vexRelative(code []byte) bool {
	for i, b := range code {
		modrm := 0
		switch b {
		case 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x67:
			continue
		case 0xc5:
			modrm = i + 3
		case 0xc4:
			modrm = i + 4
		case 0x62:
			modrm = i + 5
		default:
			return false
		}
		return modrm < len(code) && code[modrm]&0xc7 == 5
	}
	return false
}

// renamed are mnemonics that binutils and x86asm spell differently. Since 2.33, binutils print no
// suffix for them.
var renamed = map[string]string{
	"callq": "call", "retq": "ret", "jmpq": "jmp", "leaveq": "leave", "pushq": "push", "popq": "pop",
	"movsxd": "movslq", "cdqe": "cltq", "cqo": "cqto", "cdq": "cltd", "cwde": "cwtl", "pushfq": "pushf", "popfq": "popf",
	"sidtl": "sidt", "sgdtl": "sgdt", "lidtl": "lidt", "lgdtl": "lgdt",
}

// suffixless are the BMI instructions, which binutils before 2.33 printed with suffixes.
var suffixless = map[string]bool{
	"andn": true, "bextr": true, "blsi": true, "blsmsk": true, "blsr": true, "bzhi": true, "mulx": true,
	"pdep": true, "pext": true, "rorx": true, "sarx": true, "shlx": true, "shrx": true,
}

func isPrefix(word string) bool {
	switch word {
	case "lock", "rep", "repz", "repnz", "repn", "data16", "data32", "addr32", "addr16",
		"bnd", "notrack", "xacquire", "xrelease", "cs", "ds", "es", "fs", "gs", "ss", "rex", "rex.W":
		return true
	}
	return strings.HasPrefix(word, "rex.")
}

// lateOpcodes are instructions without operands that kernels contain and x86asm does not know
// (Intel SDM volume 2, AMD APM volume 3).
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
