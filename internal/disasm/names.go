package disasm

import (
	"fmt"
	"hash/maphash"
	"regexp"

	"github.com/ianlancetaylor/demangle"

	"kintsugi/internal/objmodel"
)

// mangled matches mangled names of C++ and Rust (legacy and v0).
var mangled = regexp.MustCompile(`\b_(?:Z|R)[A-Za-z0-9_.$]{3,}`)

// maxDemangled limits a demangled name to 2^12 bytes. With back references, a short mangled name
// can stand for an enormous one.
const maxDemangled = 12

// Demangle replaces the mangled names in s by the names in the source.
func Demangle(s string) string {
	return mangled.ReplaceAllStringFunc(s, func(name string) string {
		return demangle.Filter(name, demangle.NoClones, demangle.MaxLength(maxDemangled))
	})
}

// reference returns the text for what r points at. A place in the function itself becomes a target.
func (d *disassembler) reference(r *objmodel.Ref) part {
	if r.Atom == nil {
		return plain(Demangle(r.String()))
	}
	return d.place(r.Atom, r.Addend)
}

// place returns the text for the place off bytes into atom.
func (d *disassembler) place(atom *objmodel.Atom, off int64) part {
	switch {
	case atom == d.a && off > 0 && uint64(off) < atom.Size:
		return part{text: offset(atom.Name, off), key: "label", target: int(off)}
	case atom == d.a:
		return plain(offset(Demangle(atom.String()), off))
	case atom.Kind == objmodel.String:
		return plain(fmt.Sprintf("%q", atom.Text(off)))
	case atom.Kind == objmodel.Const:
		return plain(offset(fmt.Sprintf("%s[%x]", atom.Section.Name, atom.Bytes()), off))
	}
	return part{text: offset(Demangle(atom.String()), off), key: offset(d.identity(atom, 2), off), target: -1}
}

func offset(name string, off int64) string {
	if off == 0 {
		return name
	}
	if off < 0 {
		return fmt.Sprintf("%s-%#x", name, uint64(-off))
	}
	return fmt.Sprintf("%s+%#x", name, off)
}

// identity is equal for two atoms that are the same. Named atoms are the same if the differ has
// paired them, others if they have the same contents. depth counts the references followed so far.
func (d *disassembler) identity(a *objmodel.Atom, depth int) string {
	switch {
	case a.Name != "" && d.twin(a) != nil:
		return "twin " + min(fmt.Sprintf("%p", a), fmt.Sprintf("%p", d.twin(a)))
	case a.Name != "":
		return a.Name
	case a.Kind == objmodel.String:
		return fmt.Sprintf("%q", a.Text(0))
	}
	k := hashed{a, depth}
	if _, ok := d.hashes[k]; !ok {
		d.hashes[k] = d.content(a, depth)
	}
	return fmt.Sprintf("%s %x", a.Section.Name, d.hashes[k])
}

type hashed struct {
	a     *objmodel.Atom
	depth int
}

var seed = maphash.MakeSeed()

// content returns a hash of an atom's contents and of what it points at.
func (d *disassembler) content(a *objmodel.Atom, depth int) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	h.Write(a.Bytes())
	for _, r := range a.Refs {
		fmt.Fprintf(&h, "\x00%d %d ", r.Off, r.Addend)
		switch {
		case r.Atom == nil:
			h.WriteString(r.String())
		case depth > 0:
			h.WriteString(d.identity(r.Atom, depth-1))
		}
	}
	return h.Sum64()
}
