// Package baseproof proves that recompiled code is the code of a shipped kernel image, and reads
// the addresses of everything that the code refers to from the image's bytes.
//
// A function is proven under two conditions. At a symbol with its name, the image has exactly the
// bytes that the compiler made, except for relocated fields. The targets of the shipped relocated
// fields agree with the symbol table and with every other proven function of the unit. So it is
// known, not guessed, which of several symbols with one name is meant.
package baseproof

import (
	"bytes"
	"debug/elf"
	"fmt"
	"sort"

	"kintsugi/internal/arch"
	"kintsugi/internal/elfobj"
	"kintsugi/internal/kimage"
	"kintsugi/internal/objmodel"
	"kintsugi/internal/report"
)

// Proof is the result of comparing a unit with the image.
type Proof struct {
	addr   map[*objmodel.Atom]uint64 // functions proven, data learned from references
	how    map[*objmodel.Atom]string // why a function is not proven
	symbol map[string]uint64         // undefined symbols of the unit, learned from references
	funcs  []*objmodel.Atom          // all functions that can be proven
	obj    *objmodel.Object
}

// Reasons that no other compilation of the unit can change.
const (
	overridden = "weak symbol that another unit overrides"
	noSymbol   = "no symbol of that name in the image"
)

// Addr returns the link-time address of an atom of the original object: of a proven function, or of
// data that a proven function refers to.
func (p *Proof) Addr(a *objmodel.Atom) (uint64, bool) {
	addr, ok := p.addr[a]
	return addr, ok
}

// SymbolAddr returns the address of an undefined symbol, known from the unit's references.
func (p *Proof) SymbolAddr(name string) (uint64, bool) {
	addr, ok := p.symbol[name]
	return addr, ok
}

// Unproven returns the reason why a function is not proven, or "" if it is proven.
func (p *Proof) Unproven(a *objmodel.Atom) string { return p.how[a] }

// Report counts the proven functions.
func (p *Proof) Report() *report.Proof {
	r := &report.Proof{Functions: len(p.funcs), Unproven: []report.Unproven{}}
	for _, f := range p.funcs {
		if reason := p.how[f]; reason != "" {
			r.Unproven = append(r.Unproven, report.Unproven{Name: f.Name, Reason: reason})
		} else {
			r.Proven++
		}
	}
	sort.Slice(r.Unproven, func(i, j int) bool { return r.Unproven[i].Name < r.Unproven[j].Name })
	return r
}

// Prove searches the image for every function of the original object.
func Prove(o *objmodel.Object, im *kimage.Image) *Proof {
	w := &prover{obj: o, im: im, proof: &Proof{addr: map[*objmodel.Atom]uint64{}, how: map[*objmodel.Atom]string{},
		symbol: map[string]uint64{}, obj: o},
		open: map[*objmodel.Atom][]candidate{}, base: map[*elfobj.Section]uint64{}}
	w.findCandidates()
	w.settle()
	w.nameRest()
	return w.proof
}

type prover struct {
	obj   *objmodel.Object
	im    *kimage.Image
	proof *Proof
	open  map[*objmodel.Atom][]candidate // functions that still have candidates and no proof
	base  map[*elfobj.Section]uint64     // addresses of sections with a proven function
}

// candidate is a place of the image that can be a function.
type candidate struct {
	addr uint64
	refs []uint64 // targets of the shipped fields, parallel to Atom.Refs
}

// findCandidates collects for every function the places with its name and bytes.
func (w *prover) findCandidates() {
	for _, f := range w.obj.Functions() {
		if f.Size == 0 || f.Name == "" || f.Section.Type == elf.SHT_NOBITS {
			continue
		}
		w.proof.funcs = append(w.proof.funcs, f)
		named := w.im.Lookup(f.Name)
		if len(named) == 0 {
			w.proof.how[f] = noSymbol
			continue
		}
		reason := ""
		for _, i := range named {
			c, why := w.match(f, w.im.Symbols[i].Addr)
			if why != "" {
				reason = why
				continue
			}
			w.open[f] = append(w.open[f], c)
		}
		if len(w.open[f]) == 0 {
			w.proof.how[f] = reason
		}
	}
}

// match compares f with the image at addr, except for relocated fields.
func (w *prover) match(f *objmodel.Atom, addr uint64) (candidate, string) {
	shipped, err := w.im.Bytes(addr, f.Size)
	if err != nil {
		return candidate{}, "its symbol is outside the image's code"
	}
	c := candidate{addr: addr, refs: make([]uint64, len(f.Refs))}
	code, pos := f.Bytes(), uint64(0)
	for i, r := range f.Refs {
		field := w.obj.Reloc(r.Type)
		if !bytes.Equal(code[pos:r.Off], shipped[pos:r.Off]) {
			return c, fmt.Sprintf("different code at +%#x", differs(code, shipped, pos))
		}
		pos = r.Off + uint64(field.Size)
		c.refs[i] = w.target(shipped[r.Off:pos], addr+r.Off, r, field)
	}
	if !bytes.Equal(code[pos:], shipped[pos:]) {
		return c, fmt.Sprintf("different code at +%#x", differs(code, shipped, pos))
	}
	return c, ""
}

func differs(a, b []byte, from uint64) uint64 {
	for i := from; i < uint64(len(a)); i++ {
		if a[i] != b[i] {
			return i
		}
	}
	return uint64(len(a))
}

// target computes S+0 from a shipped field: the address of the reference's symbol or atom, without
// the addend.
func (w *prover) target(field []byte, place uint64, r objmodel.Ref, kind arch.Reloc) uint64 {
	var v uint64
	order := w.obj.File.ByteOrder
	switch len(field) {
	case 8:
		v = order.Uint64(field)
	case 4:
		v = uint64(int64(int32(order.Uint32(field))))
		if kind.Unsigned {
			v = uint64(order.Uint32(field))
		}
	case 2:
		v = uint64(int64(int16(order.Uint16(field))))
	case 1:
		v = uint64(int64(int8(field[0])))
	}
	if kind.PCRel {
		v += place
	}
	return v - uint64(r.Addend+int64(r.Bias))
}

// settle accepts functions with a single candidate that agrees with everything known,
// learns from their references, and repeats until nothing new is learned. It begins with
// certain functions: those whose name occurs once.
func (w *prover) settle() {
	for {
		progress := false
		for _, f := range w.proof.funcs {
			list := w.open[f]
			if len(list) == 0 {
				continue
			}
			list = w.consistent(f, list)
			switch len(list) {
			case 0:
				w.proof.how[f] = "its references disagree with the rest of the unit or with the symbol table"
				delete(w.open, f)
				progress = true
			case 1:
				w.accept(f, list[0])
				progress = true
			default:
				w.open[f] = list
			}
		}
		if !progress && !w.bracket() {
			return
		}
	}
}

// consistent keeps the candidates that agree with everything known.
func (w *prover) consistent(f *objmodel.Atom, list []candidate) []candidate {
	var keep []candidate
	base, placed := w.base[f.Section]
	for _, c := range list {
		if placed && c.addr != base+f.Off {
			continue // the linker places an input section in one piece
		}
		if known, ok := w.proof.addr[f]; (!ok || known == c.addr) && w.agrees(f, c) {
			keep = append(keep, c)
		}
	}
	return keep
}

// agrees compares every reference of a candidate with everything known, and with the
// candidate's other references to the same target.
func (w *prover) agrees(f *objmodel.Atom, c candidate) bool {
	own := map[any]uint64{}
	for i, r := range f.Refs {
		if !w.agreesRef(f, c, r, c.refs[i]) {
			return false
		}
		var key any
		switch {
		case r.Atom != nil && r.Atom.Kind != objmodel.String:
			key = r.Atom
		case r.Sym != nil:
			key = r.Sym
		default:
			continue
		}
		if addr, seen := own[key]; seen && addr != c.refs[i] {
			return false
		}
		own[key] = c.refs[i]
	}
	return true
}

func (w *prover) agreesRef(f *objmodel.Atom, c candidate, r objmodel.Ref, addr uint64) bool {
	switch {
	case r.Atom == f:
		return addr == c.addr
	case r.Atom != nil && r.Atom.Kind == objmodel.String:
		return w.sameString(r, addr)
	case r.Atom != nil:
		known, ok := w.proof.addr[r.Atom]
		return (!ok || known == addr) && w.named(r.Atom, addr) && w.sameConstant(r.Atom, addr)
	case r.Sym == nil:
		return addr == 0
	case !r.Sym.Undefined():
		return addr == r.Sym.Value
	}
	known, ok := w.proof.symbol[r.Sym.Name]
	return (!ok || known == addr) && w.hasSymbol(r.Sym.Name, addr)
}

// sameString compares a string's contents with the image.
func (w *prover) sameString(r objmodel.Ref, addr uint64) bool {
	want := r.Atom.Text(r.Addend)
	got, err := w.im.Bytes(addr+uint64(r.Addend), uint64(len(want)))
	if err != nil || string(got) != want {
		return false
	}
	end, err := w.im.Bytes(addr+uint64(r.Addend)+uint64(len(want)), 1)
	return err == nil && end[0] == 0
}

// sameConstant compares a constant without a symbol and without addresses with the
// image.
func (w *prover) sameConstant(a *objmodel.Atom, addr uint64) bool {
	if a.Name != "" || a.Writable() || len(a.Refs) > 0 || a.Kind != objmodel.Const && a.Kind != objmodel.Anon {
		return true
	}
	got, err := w.im.Bytes(addr, a.Size)
	return err == nil && bytes.Equal(got, a.Bytes())
}

// named reports whether the atom can be at addr: the image has its name there, apart from numbers,
// or the symbol table does not have its name at all.
func (w *prover) named(a *objmodel.Atom, addr uint64) bool {
	if a.Name == "" {
		return true
	}
	stable := objmodel.StableName(a.Name)
	at := w.im.At(addr)
	for _, i := range at {
		if objmodel.StableName(w.im.Symbols[i].Name) == stable {
			return true
		}
	}
	return a.Kind != objmodel.Func && len(w.im.Lookup(a.Name)) == 0 && len(at) == 0
}

func (w *prover) hasSymbol(name string, addr uint64) bool {
	indices := w.im.Lookup(name)
	for _, i := range indices {
		if w.im.Symbols[i].Addr == addr {
			return true
		}
	}
	return len(indices) == 0 // a symbol of the linker script that kallsyms omit
}

// accept accepts c as the place of f, and learns from its references.
func (w *prover) accept(f *objmodel.Atom, c candidate) {
	w.proof.addr[f] = c.addr
	w.base[f.Section] = c.addr - f.Off
	delete(w.proof.how, f)
	delete(w.open, f)
	for i, r := range f.Refs {
		switch {
		case r.Atom != nil && r.Atom.Kind != objmodel.String:
			w.proof.addr[r.Atom] = c.refs[i]
		case r.Atom == nil && r.Sym != nil && r.Sym.Undefined():
			w.proof.symbol[r.Sym.Name] = c.refs[i]
		}
	}
}

// bracket decides between candidates by place. The linker places an input section in one piece, so
// a candidate between two proven functions of the same kind of section belongs to this unit.
func (w *prover) bracket() bool {
	lo, hi := map[string]uint64{}, map[string]uint64{}
	for _, f := range w.proof.funcs {
		addr, ok := w.proof.addr[f]
		if !ok || w.proof.how[f] != "" {
			continue
		}
		if _, stillOpen := w.open[f]; stillOpen {
			continue
		}
		k := inputSection(f)
		if old, ok := lo[k]; !ok || addr < old {
			lo[k] = addr
		}
		hi[k] = max(hi[k], addr)
	}
	progress := false
	for _, f := range w.proof.funcs {
		var inside []candidate
		k := inputSection(f)
		for _, c := range w.consistent(f, w.open[f]) {
			if c.addr > lo[k] && c.addr < hi[k] {
				inside = append(inside, c)
			}
		}
		if len(inside) == 1 {
			w.accept(f, inside[0])
			progress = true
		}
	}
	return progress
}

// inputSection returns the section that f has without -ffunction-sections.
func inputSection(f *objmodel.Atom) string {
	for _, name := range []string{".text.unlikely", ".text.hot", ".text.startup", ".text"} {
		if f.Section.Name == name || f.Section.Name == name+"."+f.Name {
			return name
		}
	}
	if f.Section.Name == ".text.unlikely."+trimCold(f.Name) {
		return ".text.unlikely"
	}
	return f.Section.Name
}

func trimCold(name string) string {
	const suffix = ".cold"
	if len(name) > len(suffix) && name[len(name)-len(suffix):] == suffix {
		return name[:len(name)-len(suffix)]
	}
	return name
}

// nameRest records why the remaining functions are not proven.
func (w *prover) nameRest() {
	for f, list := range w.open {
		w.proof.how[f] = fmt.Sprintf("%d functions of that name have the same code, and nothing shows which is this unit's",
			len(list))
		delete(w.proof.addr, f)
	}
	for f := range w.proof.how {
		if f.Sym.Bind == elf.STB_WEAK {
			w.proof.how[f] = overridden
		}
	}
}
