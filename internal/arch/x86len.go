package arch

// Lengths of x86-64 instructions, from the opcode maps in the Intel SDM volume 2, appendix A.
// golang.org/x/arch/x86/x86asm prints instructions, but does not know all that a kernel contains
// (stac, invpcid, vector extensions). The length of every instruction with a relocation is needed:
// the addend of a PC-relative relocation counts from the instruction's end.

// Immediate operands that follow an opcode (and its ModRM byte, if any).
const (
	immNone = iota
	imm8
	imm16
	immZ // 4 bytes, 2 with an operand size prefix
	immV // like immZ, 8 with REX.W (mov $imm64, %reg)
	imm16and8
	immAddr  // 8 bytes, 4 with an address size prefix (movabs)
	immTest8 // group F6: a byte if ModRM.reg is 0 or 1 (test), else none
	immTestZ // group F7: immZ if ModRM.reg is 0 or 1, else none
)

type opcode struct {
	ok    bool
	modrm bool
	imm   uint8
}

var (
	opcodes1 = oneByteMap()
	opcodes2 = twoByteMap()
)

func fill(t *[256]opcode, from, to int, op opcode) {
	op.ok = true
	for i := from; i <= to; i++ {
		t[i] = op
	}
}

func oneByteMap() *[256]opcode {
	t := new([256]opcode)
	for row := 0; row < 0x40; row += 8 {
		fill(t, row, row+3, opcode{modrm: true})
		fill(t, row+4, row+4, opcode{imm: imm8})
		fill(t, row+5, row+5, opcode{imm: immZ})
	}
	fill(t, 0x50, 0x5f, opcode{})
	fill(t, 0x63, 0x63, opcode{modrm: true})
	fill(t, 0x68, 0x68, opcode{imm: immZ})
	fill(t, 0x69, 0x69, opcode{modrm: true, imm: immZ})
	fill(t, 0x6a, 0x6a, opcode{imm: imm8})
	fill(t, 0x6b, 0x6b, opcode{modrm: true, imm: imm8})
	fill(t, 0x6c, 0x6f, opcode{})
	fill(t, 0x70, 0x7f, opcode{imm: imm8})
	fill(t, 0x80, 0x80, opcode{modrm: true, imm: imm8})
	fill(t, 0x81, 0x81, opcode{modrm: true, imm: immZ})
	fill(t, 0x83, 0x83, opcode{modrm: true, imm: imm8})
	fill(t, 0x84, 0x8f, opcode{modrm: true})
	fill(t, 0x90, 0x99, opcode{})
	fill(t, 0x9b, 0x9f, opcode{})
	fill(t, 0xa0, 0xa3, opcode{imm: immAddr})
	fill(t, 0xa4, 0xa7, opcode{})
	fill(t, 0xa8, 0xa8, opcode{imm: imm8})
	fill(t, 0xa9, 0xa9, opcode{imm: immZ})
	fill(t, 0xaa, 0xaf, opcode{})
	fill(t, 0xb0, 0xb7, opcode{imm: imm8})
	fill(t, 0xb8, 0xbf, opcode{imm: immV})
	fill(t, 0xc0, 0xc1, opcode{modrm: true, imm: imm8})
	fill(t, 0xc2, 0xc2, opcode{imm: imm16})
	fill(t, 0xc3, 0xc3, opcode{})
	fill(t, 0xc6, 0xc6, opcode{modrm: true, imm: imm8})
	fill(t, 0xc7, 0xc7, opcode{modrm: true, imm: immZ})
	fill(t, 0xc8, 0xc8, opcode{imm: imm16and8})
	fill(t, 0xc9, 0xc9, opcode{})
	fill(t, 0xca, 0xca, opcode{imm: imm16})
	fill(t, 0xcb, 0xcc, opcode{})
	fill(t, 0xcd, 0xcd, opcode{imm: imm8})
	fill(t, 0xcf, 0xcf, opcode{})
	fill(t, 0xd0, 0xd3, opcode{modrm: true})
	fill(t, 0xd7, 0xd7, opcode{})
	fill(t, 0xd8, 0xdf, opcode{modrm: true})
	fill(t, 0xe0, 0xe7, opcode{imm: imm8})
	fill(t, 0xe8, 0xe9, opcode{imm: immZ})
	fill(t, 0xeb, 0xeb, opcode{imm: imm8})
	fill(t, 0xec, 0xef, opcode{})
	fill(t, 0xf1, 0xf1, opcode{})
	fill(t, 0xf4, 0xf5, opcode{})
	fill(t, 0xf6, 0xf6, opcode{modrm: true, imm: immTest8})
	fill(t, 0xf7, 0xf7, opcode{modrm: true, imm: immTestZ})
	fill(t, 0xf8, 0xfd, opcode{})
	fill(t, 0xfe, 0xff, opcode{modrm: true})
	return t
}

func twoByteMap() *[256]opcode {
	t := new([256]opcode)
	fill(t, 0x00, 0xff, opcode{modrm: true})
	for _, r := range [][2]int{{0x05, 0x09}, {0x0b, 0x0b}, {0x0e, 0x0e}, {0x30, 0x37}, {0x77, 0x77},
		{0xa0, 0xa2}, {0xa8, 0xaa}, {0xc8, 0xcf}} {
		fill(t, r[0], r[1], opcode{})
	}
	for _, r := range [][2]int{{0x0f, 0x0f}, {0x70, 0x73}, {0xa4, 0xa4}, {0xac, 0xac}, {0xba, 0xba},
		{0xc2, 0xc2}, {0xc4, 0xc6}} {
		fill(t, r[0], r[1], opcode{modrm: true, imm: imm8})
	}
	fill(t, 0x80, 0x8f, opcode{imm: immZ})
	for _, i := range []int{0x04, 0x0a, 0x0c} {
		t[i] = opcode{}
	}
	return t
}

// x86Decode reads the first instruction of code. Branches are calls, jmp and jcc with a
// displacement. Other relative fields are addresses of memory.
func x86Decode(code []byte) Insn {
	d := x86Decoder{code: code}
	n := d.decode()
	if n == 0 || n > len(code) || n > 15 || d.branch && d.opsize {
		return Insn{} // Intel and AMD disagree about near branches with a 66 prefix
	}
	in := Insn{Size: uint8(n), Branch: d.branch, Store: d.stores(), Load: d.loads(), Flow: d.flow()}
	if d.disp > 0 && d.op != 0x8d { // lea only computes the address
		in.Address, in.Direct = uint8(d.disp), d.direct
	}
	switch {
	case d.rip:
		in.Relative, in.RelativeSize = uint8(d.disp), 4
	case d.near:
		in.Relative, in.RelativeSize = in.Size-4, 4
	case d.branch:
		in.Relative, in.RelativeSize = in.Size-1, 1
	}
	return in
}

// flow returns where the processor continues after the instruction.
func (d *x86Decoder) flow() Flow {
	switch op := d.op; {
	case d.escaped && d.branch, !d.escaped && op&0xf0 == 0x70:
		return forkOf(op)
	case d.escaped && op == 0x0b: // ud2
		return Stop
	case d.escaped:
		return Next
	case op == 0xe8, op == 0xff && (d.reg == 2 || d.reg == 3):
		return Call
	case op == 0xe9, op == 0xeb:
		return Jump
	case d.branch:
		return Fork
	case op == 0xc2, op == 0xc3, op == 0xcc, op == 0xff && (d.reg == 4 || d.reg == 5):
		return Stop
	}
	return Next
}

// stores reports whether the instruction is a mov to memory.
func (d *x86Decoder) stores() bool {
	return !d.escaped && d.disp > 0 && (d.op == 0x88 || d.op == 0x89 || d.op == 0xc6 || d.op == 0xc7)
}

// loads reports whether the instruction is one of those by which compilers read memory:
// mov to a register with its extensions, arithmetic with the result in a register,
// comparisons, and call, jmp and push of what memory has.
func (d *x86Decoder) loads() bool {
	if d.disp == 0 {
		return false
	}
	if d.escaped { // movzx, movsx, cmovcc
		return d.op == 0xb6 || d.op == 0xb7 || d.op == 0xbe || d.op == 0xbf || d.op>>4 == 4
	}
	switch d.op {
	case 0x8a, 0x8b, 0x63, 0x84, 0x85, 0x38, 0x39:
		return true
	case 0x80, 0x81, 0x83: // cmp
		return d.reg == 7
	case 0xf6, 0xf7: // test
		return d.reg == 0
	case 0xff: // call, jmp, push
		return d.reg == 2 || d.reg == 4 || d.reg == 6
	}
	return d.op != 0 && d.op < 0x40 && (d.op&7 == 2 || d.op&7 == 3)
}

// forkOf returns the flow of a jcc. The low half of the opcode is its condition.
func forkOf(op byte) Flow {
	switch op & 0xf {
	case 4:
		return Equal
	case 5:
		return Unequal
	}
	return Fork
}

type x86Decoder struct {
	code             []byte
	pos              int
	opsize, addrsize bool
	rexW             bool
	branch           bool
	near             bool // the branch has a displacement of 4 bytes
	op               byte // opcode in its map; 0 after a VEX or EVEX prefix
	reg              byte // ModRM.reg
	escaped          bool // the opcode follows an escape byte 0x0f
	direct           bool // the memory operand has no base and no index register
	rip              bool // the memory operand is relative to the next instruction
	disp             int  // offset of the displacement of a memory operand; 0: none
}

func (d *x86Decoder) next() (byte, bool) {
	if d.pos >= len(d.code) {
		return 0, false
	}
	d.pos++
	return d.code[d.pos-1], true
}

func (d *x86Decoder) decode() int {
	op, ok := d.prefixes()
	if !ok {
		return 0
	}
	switch op {
	case 0x0f:
		return d.escape()
	case 0xc5:
		d.pos++ // one byte of VEX payload
		return d.vector(1)
	case 0xc4, 0x62:
		payload, ok := d.next()
		if !ok {
			return 0
		}
		if op == 0xc4 {
			d.pos++
			return d.vector(payload & 0x1f)
		}
		d.pos += 2
		return d.vector(payload & 7)
	}
	d.op = op
	d.near = op == 0xe8 || op == 0xe9
	d.branch = d.near || op == 0xeb || op&0xf0 == 0x70 || op >= 0xe0 && op <= 0xe3
	return d.operands(opcodes1[op])
}

// prefixes consumes legacy and REX prefixes and returns the opcode byte.
func (d *x86Decoder) prefixes() (byte, bool) {
	for {
		b, ok := d.next()
		switch {
		case !ok:
			return 0, false
		case b == 0x66:
			d.opsize, d.rexW = true, false
		case b == 0x67:
			d.addrsize, d.rexW = true, false
		case b == 0x26, b == 0x2e, b == 0x36, b == 0x3e, b == 0x64, b == 0x65, b == 0xf0, b == 0xf2, b == 0xf3:
			d.rexW = false
		case b&0xf0 == 0x40:
			d.rexW = b&8 != 0
		default:
			return b, true
		}
	}
}

func (d *x86Decoder) escape() int {
	op, ok := d.next()
	if !ok {
		return 0
	}
	switch op {
	case 0x38, 0x3a:
		if _, ok := d.next(); !ok {
			return 0
		}
		o := opcode{ok: true, modrm: true}
		if op == 0x3a {
			o.imm = imm8
		}
		return d.operands(o)
	}
	d.op, d.escaped = op, true
	d.branch = op&0xf0 == 0x80
	d.near = d.branch
	return d.operands(opcodes2[op])
}

// vector decodes the rest of an instruction with a VEX or EVEX prefix, for an opcode map.
func (d *x86Decoder) vector(opmap byte) int {
	op, ok := d.next()
	if !ok {
		return 0
	}
	o := opcode{ok: true, modrm: true}
	switch opmap {
	case 1:
		o = opcodes2[op]
		if o.imm != imm8 {
			o.imm = immNone
		}
	case 3:
		o.imm = imm8
	}
	return d.operands(o)
}

func (d *x86Decoder) operands(op opcode) int {
	if !op.ok {
		return 0
	}
	reg := byte(0)
	if op.modrm {
		var ok bool
		if reg, ok = d.modrm(); !ok {
			return 0
		}
		d.reg = reg
	}
	switch op.imm {
	case imm8:
		d.pos++
	case imm16:
		d.pos += 2
	case imm16and8:
		d.pos += 3
	case immZ, immV:
		d.pos += d.immSize(op.imm)
	case immAddr:
		d.pos += 8
		if d.addrsize {
			d.pos -= 4
		}
	case immTest8:
		if reg < 2 {
			d.pos++
		}
	case immTestZ:
		if reg < 2 {
			d.pos += d.immSize(immZ)
		}
	}
	return d.pos
}

func (d *x86Decoder) immSize(kind uint8) int {
	switch {
	case kind == immV && d.rexW:
		return 8
	case d.opsize && !d.rexW:
		return 2
	}
	return 4
}

// modrm consumes the ModRM byte, SIB and displacement and returns ModRM.reg.
func (d *x86Decoder) modrm() (reg byte, ok bool) {
	b, ok := d.next()
	if !ok {
		return 0, false
	}
	mod, reg, rm := b>>6, b>>3&7, b&7
	if mod == 3 {
		return reg, true
	}
	base, index := rm, false
	if rm == 4 {
		sib, ok := d.next()
		if !ok {
			return 0, false
		}
		base, index = sib&7, sib>>3&7 != 4
	}
	switch {
	case mod == 1:
		d.disp = d.pos
		d.pos++
	case mod == 2, mod == 0 && base == 5:
		d.disp, d.rip = d.pos, mod == 0 && rm == 5
		d.direct = mod == 0 && base == 5 && !index
		d.pos += 4 // disp32, or RIP-relative
	}
	return reg, true
}
