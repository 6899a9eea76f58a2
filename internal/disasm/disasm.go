// Package disasm shows the code of functions. It prints instructions in the syntax of the GNU
// assembler with names instead of numbers, and compares two versions of a function side by side.
package disasm

import (
	"fmt"
	"hash/maphash"
	"strings"

	"kintsugi/internal/arch"
	"kintsugi/internal/debuginfo"
	"kintsugi/internal/objmodel"
)

// Line is one instruction.
type Line struct {
	Off    uint64 // offset from the function's start
	Source string // file:line of the instruction; empty if not known
	Inline string // innermost inlined function that contains the instruction, if any

	parts []part
	note  part // text from entries of special sections
}

// part is a piece of an instruction's text.
type part struct {
	text   string
	key    string // equal for two pieces with the same meaning, even if the text differs
	target int    // index of the line that the piece refers to, or -1
}

func plain(text string) part { return part{text: text, key: text, target: -1} }

// Function disassembles a, an atom of o with code. lines may be nil. twin returns the corresponding
// atom of the other object, or nil.
func Function(o *objmodel.Object, a *objmodel.Atom, lines *debuginfo.Lines,
	twin func(*objmodel.Atom) *objmodel.Atom) []Line {
	d := disassembler{o: o, a: a, twin: twin, code: a.Bytes(), refs: a.Refs, hashes: map[hashed]uint64{}}
	rest := d.code[min(len(d.code), maxCode):]
	d.code = d.code[:len(d.code)-len(rest)]
	for pos := 0; pos < len(d.code); {
		n, parts := d.instruction(pos)
		l := Line{Off: uint64(pos), parts: parts}
		if lines != nil {
			l.Source, l.Inline = source(lines, a, l.Off)
		}
		d.lines = append(d.lines, l)
		pos += n
	}
	if len(rest) > 0 {
		more := fmt.Sprintf("# %d more bytes", len(rest))
		key := fmt.Sprintf("%s %x", more, maphash.Bytes(seed, rest))
		d.lines = append(d.lines, Line{Off: maxCode, parts: []part{{text: more, key: key, target: -1}}})
	}
	d.notes()
	d.resolveTargets()
	return d.lines
}

// maxCode limits the bytes shown of a function. It is larger than any function of a kernel.
const maxCode = 1 << 20

func source(lines *debuginfo.Lines, a *objmodel.Atom, off uint64) (source, inline string) {
	at, ok := lines.At(a, off)
	if !ok {
		return "", ""
	}
	return fmt.Sprintf("%s:%d", at.File, at.Number), at.Inline
}

type disassembler struct {
	o     *objmodel.Object
	a     *objmodel.Atom
	twin  func(*objmodel.Atom) *objmodel.Atom
	code  []byte
	refs  []objmodel.Ref // references not used yet
	lines []Line

	hashes map[hashed]uint64
}

// instruction disassembles the instruction at pos. Targets inside the function remain offsets.
func (d *disassembler) instruction(pos int) (n int, parts []part) {
	code := d.code[pos:]
	n = d.o.InsnLen(code)
	if n == 0 {
		n = min(max(d.o.Arch.Code.Unit, 1), len(code))
	}
	fields := d.fields(pos, n)
	if decode := decoders[d.o.Arch]; decode != nil {
		parts = decode(d, code[:n], pos, fields)
	}
	if parts == nil {
		parts = d.bytes(code[:n], fields)
	}
	return n, parts
}

// decoders return the text of an instruction, or nil if it cannot be decoded. Code of other
// machines is printed as bytes.
var decoders = map[*arch.Arch]func(d *disassembler, code []byte, pos int, fields []objmodel.Ref) []part{
	&arch.AMD64: decodeX86,
}

// fields removes the references in the n bytes at pos from d.refs. Their Off becomes relative to
// pos.
func (d *disassembler) fields(pos, n int) []objmodel.Ref {
	var fields []objmodel.Ref
	for len(d.refs) > 0 && d.refs[0].Off < uint64(pos+n) {
		if r := d.refs[0]; r.Off >= uint64(pos) {
			r.Off -= uint64(pos)
			fields = append(fields, r)
		}
		d.refs = d.refs[1:]
	}
	return fields
}

// bytes prints code that cannot be decoded.
func (d *disassembler) bytes(code []byte, fields []objmodel.Ref) []part {
	hex := make([]string, len(code))
	for i, b := range code {
		hex[i] = fmt.Sprintf("0x%02x", b)
	}
	return append([]part{plain(mnemonic(".byte", strings.Join(hex, ",")))}, d.behind(fields)...)
}

// behind prints references that have no place in the text of their instruction.
func (d *disassembler) behind(fields []objmodel.Ref) []part {
	var parts []part
	for i := range fields {
		parts = append(parts, plain("  # "), d.reference(&fields[i]))
	}
	return parts
}

// mnemonic aligns operands in a column, like objdump.
func mnemonic(op, operands string) string {
	if operands == "" {
		return op
	}
	return fmt.Sprintf("%-6s %s", op, operands)
}

// resolveTargets turns targets from offsets into indices of lines. A target that is not the start
// of an instruction remains a number.
func (d *disassembler) resolveTargets() {
	index := make(map[int]int, len(d.lines))
	for i, l := range d.lines {
		index[int(l.Off)] = i
	}
	for i := range d.lines {
		l := &d.lines[i]
		for j := range l.parts {
			l.parts[j].resolveTarget(index)
		}
	}
}

func (p *part) resolveTarget(index map[int]int) {
	if p.target < 0 {
		return
	}
	i, ok := index[p.target]
	if !ok {
		i = -1
	}
	p.target = i
}
