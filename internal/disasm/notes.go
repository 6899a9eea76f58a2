package disasm

import (
	"fmt"
	"sort"
	"strings"

	"kintsugi/internal/objmodel"
)

// notes adds what special sections state about an instruction: bug flags, static keys,
// alternatives, fix-ups. An entry that only points at a place gives no note.
func (d *disassembler) notes() {
	for _, e := range d.a.Entries {
		if len(e.Refs) < 2 || e.Refs[0].Atom != d.a || e.Unwinding() {
			continue
		}
		at := uint64(e.Refs[0].Addend)
		i := sort.Search(len(d.lines), func(i int) bool { return d.lines[i].Off > at }) - 1
		if i < 0 || e.Refs[0].Addend < 0 {
			continue
		}
		d.lines[i].note = joinNotes(d.lines[i].note, d.note(e))
	}
}

// note describes one entry: its section, the targets of its other references, and its other bytes.
// A reference to the function itself is omitted, because it moves with every change above it.
func (d *disassembler) note(e *objmodel.Atom) part {
	words, key := []string{e.Section.Name}, e.Section.Name
	for i := range e.Refs[1:] {
		r := d.reference(&e.Refs[i+1])
		if r.target >= 0 {
			r = plain("")
		}
		if r.text != "" {
			words = append(words, r.text)
		}
		key += "\x00" + r.key
	}
	if rest := d.unrelocated(e); strings.Trim(rest, "0 ") != "" {
		words = append(words, "["+rest+"]")
		key += "\x00" + rest
	}
	return part{text: strings.Join(words, " "), key: key, target: -1}
}

// unrelocated returns the bytes of an entry that no relocation fills, in hex.
func (d *disassembler) unrelocated(e *objmodel.Atom) string {
	var groups []string
	pos, code := uint64(0), e.Bytes()
	add := func(to uint64) {
		if to > pos && to <= uint64(len(code)) {
			groups = append(groups, fmt.Sprintf("%x", code[pos:to]))
		}
	}
	for _, r := range e.Refs {
		size := d.o.Reloc(r.Type).Size
		add(r.Off)
		pos = max(pos, r.Off+uint64(size))
	}
	add(uint64(len(code)))
	return strings.Join(groups, " ")
}

func joinNotes(a, b part) part {
	if a.text == "" {
		return b
	}
	return part{text: a.text + ", " + b.text, key: a.key + "\x01" + b.key, target: -1}
}
