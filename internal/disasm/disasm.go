// Package disasm shows the code of functions to a person: instructions in the
// syntax of the GNU assembler with names in the place of numbers, and the
// instructions of two versions of a function beside each other.
package disasm

import (
	"debug/elf"
	"fmt"
	"hash/maphash"
	"strings"

	"kintsugi/internal/debuginfo"
	"kintsugi/internal/objmodel"
)

// Line is one instruction.
type Line struct {
	Off    uint64 // from the function's start
	Source string // file:line that it comes from, empty where not known
	Inline string // innermost inlined function that it comes from, if any

	parts []part
	note  part // what entries of special sections say about it
}

// part is a piece of an instruction's text.
type part struct {
	text   string
	key    string // equal where two pieces mean the same, whatever they look like
	target int    // index of the line that is meant, -1: none
}

func plain(text string) part { return part{text: text, key: text, target: -1} }

// Function disassembles a, an atom of o with code. lines may be nil. twin
// returns the atom of another object that an atom is the same as, nil where it is
// the same as none.
func Function(o *objmodel.Object, a *objmodel.Atom, lines *debuginfo.Lines, twin func(*objmodel.Atom) *objmodel.Atom) []Line {
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
		more := fmt.Sprintf("# %d bytes more", len(rest))
		d.lines = append(d.lines, Line{Off: maxCode, parts: []part{{text: more, key: fmt.Sprintf("%s %x", more, maphash.Bytes(seed, rest)), target: -1}}})
	}
	d.notes()
	d.aim()
	return d.lines
}

// maxCode is how many bytes of a function are shown, far above any function.
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
	refs  []objmodel.Ref // those not used yet
	lines []Line

	hashes map[hashed]uint64
}

// instruction is the one at pos, with its length. A target inside of the
// function is an offset still.
func (d *disassembler) instruction(pos int) (n int, parts []part) {
	code := d.code[pos:]
	n = d.o.InsnLen(code)
	decoder := decoders[d.o.File.Machine]
	if n == 0 {
		n = min(max(decoder.unit, 1), len(code))
	}
	fields := d.fields(pos, n)
	if decoder.decode != nil {
		parts = decoder.decode(d, code[:n], pos, fields)
	}
	if parts == nil {
		parts = d.bytes(code[:n], fields)
	}
	return n, parts
}

// decoder is what is known of one architecture's instructions.
type decoder struct {
	unit   int // bytes in which code that is not understood is shown
	decode func(d *disassembler, code []byte, pos int, fields []objmodel.Ref) []part
}

var decoders = map[elf.Machine]decoder{
	elf.EM_X86_64:    {unit: 1, decode: decodeX86},
	elf.EM_AARCH64:   {unit: 4},
	elf.EM_PPC64:     {unit: 4},
	elf.EM_S390:      {unit: 2},
	elf.EM_LOONGARCH: {unit: 4},
}

// fields takes the references of the n bytes at pos. Their Off counts from there.
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

// bytes shows code that is not understood.
func (d *disassembler) bytes(code []byte, fields []objmodel.Ref) []part {
	hex := make([]string, len(code))
	for i, b := range code {
		hex[i] = fmt.Sprintf("0x%02x", b)
	}
	return append([]part{plain(mnemonic(".byte", strings.Join(hex, ",")))}, d.behind(fields)...)
}

// behind are references that have no place in the text of their instruction.
func (d *disassembler) behind(fields []objmodel.Ref) []part {
	var parts []part
	for i := range fields {
		parts = append(parts, plain("  # "), d.reference(&fields[i]))
	}
	return parts
}

// mnemonic sets operands in their column, as objdump does.
func mnemonic(op, operands string) string {
	if operands == "" {
		return op
	}
	return fmt.Sprintf("%-6s %s", op, operands)
}

// aim turns targets from offsets into indices of lines. What is not the start
// of an instruction stays a number.
func (d *disassembler) aim() {
	index := make(map[int]int, len(d.lines))
	for i, l := range d.lines {
		index[int(l.Off)] = i
	}
	for i := range d.lines {
		l := &d.lines[i]
		for j := range l.parts {
			l.parts[j].aim(index)
		}
	}
}

func (p *part) aim(index map[int]int) {
	if p.target < 0 {
		return
	}
	i, ok := index[p.target]
	if !ok {
		i = -1
	}
	p.target = i
}
