package klp

import (
	"fmt"
	"sort"
	"strings"

	"kintsugi/elfdiff"
	"kintsugi/internal/baseproof"
	"kintsugi/internal/diag"
	"kintsugi/internal/elfobj"
	"kintsugi/internal/extract"
	"kintsugi/internal/kimage"
	"kintsugi/internal/objmodel"
	"kintsugi/internal/report"
)

// Resolve finds the symbol of the kernel for every external symbol of x, which is
// code of o: an export, or a symbol that the livepatch core looks up. Symbols that
// the patch adds, in this or another unit, are bound when the module is linked.
func (o *Owner) Resolve(x *extract.Object, proof *baseproof.Proof, added Naming) *Resolution {
	return resolve(x, added, o.kernel.Exports, o.Name, func(e *extract.External) (*report.Reference, *report.Diagnostic) {
		ref, err := o.referenceTo(e, proof)
		if err == nil {
			err = o.kernel.checkSealed(e, ref)
		}
		return ref, err
	})
}

// referenceTo is the reference of code of o to e.
func (o *Owner) referenceTo(e *extract.External, proof *baseproof.Proof) (*report.Reference, *report.Diagnostic) {
	if o.Name != Vmlinux {
		return o.moduleReference(e, proof)
	}
	i, how, err := o.find(e, proof)
	if err != nil {
		return nil, err
	}
	if err := o.checkInit(i); err != nil {
		return nil, err
	}
	return reference(o.table(), i, how, o.kernel.Exports), nil
}

// resolve names the symbols of x, which is code of patched. find looks up an
// external symbol.
func resolve(x *extract.Object, added Naming, exports map[string]Export, patched string,
	find func(*extract.External) (*report.Reference, *report.Diagnostic)) *Resolution {
	r := &Resolution{Names: map[*elfobj.Symbol]string{}, Links: Links{}}
	for i := range x.Externals {
		e := &x.Externals[i]
		if _, ok := added(e.Name); ok && e.Old == nil {
			continue
		}
		ref, err := find(e)
		if err != nil {
			r.Diagnostics = append(r.Diagnostics, *err)
			continue
		}
		r.References = append(r.References, *ref)
		r.bind(e, ref, patched)
		if ns := exports[ref.Symbol].Namespace; ref.Kind == report.Export && ns != "" {
			r.Namespaces = append(r.Namespaces, ns)
		}
	}
	sort.Strings(r.Namespaces)
	r.bindAdded(x.File, added)
	return r
}

// table is a kernel's symbols in the order of kallsyms.
type table interface {
	Lookup(name string) []int // indices of all symbols of that name, ascending
	Symbol(i int) kimage.Symbol
}

func (o *Owner) table() table { return imageTable{o.Image} }

type imageTable struct{ *kimage.Image }

func (t imageTable) Symbol(i int) kimage.Symbol { return t.Symbols[i] }

// reference is the module's reference to the i-th symbol of t.
func reference(t table, i int, how report.How, exports map[string]Export) *report.Reference {
	ref := &report.Reference{Symbol: t.Symbol(i).Name, Object: Vmlinux, Kind: report.Livepatch, How: how}
	if exported(t, i, exports) {
		ref.Kind = "export"
		return ref
	}
	ref.SymPos = position(t, i)
	return ref
}

// exported reports whether vmlinux exports the i-th symbol. A static symbol can
// have the name of an export of another unit.
func exported(t table, i int, exports map[string]Export) bool {
	s := t.Symbol(i)
	e, ok := exports[s.Name]
	if !ok || e.Module != Vmlinux {
		return false
	}
	if len(t.Lookup(s.Name)) == 1 {
		return true
	}
	return global(s.Type) && s.Type != 'A' // per-CPU symbols are A, local ones too
}

// global reports whether a letter of nm means a global symbol.
func global(letter byte) bool { return letter >= 'A' && letter <= 'Z' }

// checkInit refuses a symbol of init code or data, which the kernel frees before a
// livepatch can be loaded.
func (o *Owner) checkInit(i int) *report.Diagnostic {
	s := o.Image.Symbols[i]
	if !o.Image.Init(s.Addr) {
		return nil
	}
	d := new(report.Found(report.Diagnostic{Code: diag.InitCode, Symbol: s.Name,
		Message: s.Name + " is freed once the kernel has booted", Hint: "Only init code can use it."}))
	if o.Name != Vmlinux {
		d.Message = s.Name + " is freed once the module is loaded"
	}
	return d
}

// HasGlobal reports whether o has a global symbol of that name.
func (o *Owner) HasGlobal(name string) bool {
	for _, i := range o.Image.Lookup(name) {
		if s := o.Image.Symbols[i]; global(s.Type) && s.Type != kimage.Import {
			return true
		}
	}
	return false
}

// find is the symbol of o that e means, and how kintsugi knows it.
func (o *Owner) find(e *extract.External, proof *baseproof.Proof) (int, report.How, *report.Diagnostic) {
	if addr, ok := proven(e, proof); ok {
		return o.symbolAt(e.Name, addr)
	}
	if e.Old != nil && e.Old.Kind == objmodel.Func {
		return 0, "", notProven(e.Name, proof.Unproven(e.Old))
	}
	switch matches := byName(o.table(), e); len(matches) {
	case 1:
		return matches[0], report.ByName, nil
	case 0:
		return 0, "", new(report.Found(report.Diagnostic{Code: diag.NotProven, Symbol: e.Name,
			Message: fmt.Sprintf("%s is not in %s", e.Name, o.what()),
			Hint:    "Is it defined in a part of the kernel that is a module or not configured?"}))
	default:
		return 0, "", new(report.Found(report.Diagnostic{Code: diag.AmbiguousSymbol, Symbol: e.Name,
			Message: fmt.Sprintf("%d symbols of %s are called %s, and no original code shows which of them is meant",
				len(matches), o.what(), e.Name),
			Hint: "A reference to it from an unchanged function of the same file would identify it."}))
	}
}

// byName lists the symbols of t that e can mean by its name. They are local or
// global like e. Absolute symbols (per-CPU variables in kallsyms) can be either.
func byName(t table, e *extract.External) []int {
	var matches []int
	wantGlobal := e.Old == nil || e.Old.Global()
	for _, i := range t.Lookup(e.Name) {
		letter := t.Symbol(i).Type
		if letter == kimage.Import {
			continue
		}
		if e.Old != nil && (e.Old.Kind == objmodel.Func) != strings.ContainsRune("tTwW", rune(letter)) {
			continue // kallsyms can omit data, but a function of the name is another symbol
		}
		if global(letter) == wantGlobal || letter == 'A' || letter == 'a' {
			matches = append(matches, i)
		}
	}
	return matches
}

// proven is the address of e by the image's own bytes.
func proven(e *extract.External, proof *baseproof.Proof) (uint64, bool) {
	if e.Old != nil {
		return proof.Addr(e.Old)
	}
	return proof.SymbolAddr(e.Name)
}

// symbolAt is the symbol at addr, preferably the symbol of that name.
func (o *Owner) symbolAt(name string, addr uint64) (int, report.How, *report.Diagnostic) {
	at := o.Image.At(addr)
	for _, i := range at {
		if o.Image.Symbols[i].Name == name {
			return i, report.ByProof, nil
		}
	}
	for _, i := range at {
		if objmodel.StableName(o.Image.Symbols[i].Name) == objmodel.StableName(name) {
			return i, report.ByProof, nil
		}
	}
	if len(at) > 0 {
		return at[0], report.ByProof, nil
	}
	return 0, "", notProven(name, fmt.Sprintf("the symbol table has nothing at its address %#x", addr))
}

func notProven(name, reason string) *report.Diagnostic {
	return new(report.Found(report.Diagnostic{Code: diag.NotProven, Symbol: name,
		Message: fmt.Sprintf("%s is not proven to be the kernel's: %s", name, reason)}))
}

// Target is the function of the kernel that is replaced.
type Target struct {
	Name   string // in kallsyms
	SymPos uint64
}

// Replaced finds the function of o that f replaces.
func (o *Owner) Replaced(f *elfdiff.Function, proof *baseproof.Proof) (Target, *report.Diagnostic) {
	if reason := proof.Unproven(f.Old); reason != "" {
		d := notProven(f.Name, reason)
		d.Hint = "A function is replaced only when the image has the very code that its source compiles to."
		return Target{}, d
	}
	addr, ok := proof.Addr(f.Old)
	if !ok {
		return Target{}, notProven(f.Name, "it was not searched for")
	}
	i, _, d := o.symbolAt(f.Old.Name, addr)
	if d != nil {
		return Target{}, d
	}
	pos, d := o.position(i)
	return Target{Name: o.Image.Symbols[i].Name, SymPos: pos}, d
}
