package klp

import (
	"fmt"
	"os"
	"sort"
	"strings"

	"kintsugi/elfdiff"
	"kintsugi/internal/baseproof"
	"kintsugi/internal/fault"
	"kintsugi/internal/kimage"
	"kintsugi/internal/report"
)

// Kernel is what references are resolved against.
type Kernel struct {
	Image   *kimage.Image
	Exports map[string]Export
}

// OpenKernel opens a kernel by its unpacked image, which is to be closed, and
// its Module.symvers.
func OpenKernel(vmlinux, symvers string) (*Kernel, error) {
	data, err := os.ReadFile(symvers)
	if err != nil {
		return nil, fault.Environmentf("exports of the target: %w", err)
	}
	exports, err := ReadSymvers(data)
	if err != nil {
		return nil, fault.Environmentf("%s: %w", symvers, err)
	}
	image, err := kimage.OpenFile(vmlinux)
	if err != nil {
		return nil, fault.Environmentf("image of the target: %w", err)
	}
	return &Kernel{Image: image, Exports: exports}, nil
}

// Resolution is what became of the references of one unit.
type Resolution struct {
	References  []report.Reference
	Namespaces  []string // of exports, to be imported
	Diagnostics []report.Diagnostic
}

// Resolve gives every external symbol of x its name in the module: that of an
// export, or that of a klp symbol. Symbols that the patch itself defines in
// another unit (shared) are left alone: the module's link binds them.
func (k *Kernel) Resolve(x *elfdiff.Extract, proof *baseproof.Proof, shared map[string]bool) *Resolution {
	return resolve(x, shared, k.Exports, func(e *elfdiff.External) (*report.Reference, *report.Diagnostic) {
		i, how, err := k.find(e, proof)
		if err != nil {
			return nil, err
		}
		if s := k.Image.Symbols[i]; k.init(s.Addr) {
			return nil, &report.Diagnostic{Code: "init-code", Severity: report.Error, Symbol: s.Name,
				Message: s.Name + " is gone once the kernel has booted", Hint: "Only init code can use what belongs to it."}
		}
		return reference(k.table(), i, how, k.Exports), nil
	})
}

// resolve names the external symbols of x by what find says of each.
func resolve(x *elfdiff.Extract, shared map[string]bool, exports map[string]Export,
	find func(*elfdiff.External) (*report.Reference, *report.Diagnostic)) *Resolution {
	r := &Resolution{}
	for i := range x.Externals {
		e := &x.Externals[i]
		if e.Old == nil && shared[e.Name] {
			continue
		}
		ref, err := find(e)
		if err != nil {
			r.Diagnostics = append(r.Diagnostics, *err)
			continue
		}
		r.References = append(r.References, *ref)
		if ref.Kind == "export" {
			e.Sym.Name = ref.Symbol
			if ns := exports[ref.Symbol].Namespace; ns != "" {
				r.Namespaces = append(r.Namespaces, ns)
			}
			continue
		}
		e.Sym.Name = Symbol{Object: Vmlinux, Name: ref.Symbol, Pos: ref.SymPos}.String()
	}
	sort.Strings(r.Namespaces)
	return r
}

// table is a kernel's symbols in the order of kallsyms.
type table interface {
	Lookup(name string) []int // indices of all of that name, ascending
	Symbol(i int) kimage.Symbol
}

func (k *Kernel) table() table { return imageTable{k.Image} }

type imageTable struct{ *kimage.Image }

func (t imageTable) Symbol(i int) kimage.Symbol { return t.Symbols[i] }

// reference is the i-th symbol of t as the module refers to it.
func reference(t table, i int, how string, exports map[string]Export) *report.Reference {
	ref := &report.Reference{Symbol: t.Symbol(i).Name, Object: Vmlinux, Kind: "klp", How: how}
	if exported(t, i, exports) {
		ref.Kind = "export"
		return ref
	}
	ref.SymPos = position(t, i)
	return ref
}

// exported reports whether the i-th symbol is one that vmlinux exports. A
// static symbol can have the name of an export of another unit.
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

// global reports whether nm's letter stands for a global symbol.
func global(letter byte) bool { return letter >= 'A' && letter <= 'Z' }

// init reports whether addr is in the part of the image that the kernel frees
// when it has booted (include/asm-generic/sections.h).
func (k *Kernel) init(addr uint64) bool {
	begin, end := k.Image.Lookup("__init_begin"), k.Image.Lookup("__init_end")
	return len(begin) == 1 && len(end) == 1 && addr >= k.Image.Symbols[begin[0]].Addr && addr < k.Image.Symbols[end[0]].Addr
}

// HasGlobal reports whether the kernel has a global symbol of that name.
func (k *Kernel) HasGlobal(name string) bool {
	for _, i := range k.Image.Lookup(name) {
		if global(k.Image.Symbols[i].Type) {
			return true
		}
	}
	return false
}

// find is the kallsyms symbol that e means, and how that is known.
func (k *Kernel) find(e *elfdiff.External, proof *baseproof.Proof) (int, string, *report.Diagnostic) {
	if addr, ok := k.proven(e, proof); ok {
		return k.symbolAt(e.Name, addr)
	}
	if e.Old != nil && e.Old.Kind == elfdiff.Func {
		return 0, "", notProven(e.Name, proof.Unproven(e.Old))
	}
	switch matches := byName(k.table(), e); len(matches) {
	case 1:
		return matches[0], "name", nil
	case 0:
		return 0, "", &report.Diagnostic{Code: "not-proven", Severity: report.Error, Symbol: e.Name,
			Message: fmt.Sprintf("%s is not in the kernel image", e.Name),
			Hint:    "Is it defined in a part of the kernel that is a module or not configured?"}
	default:
		return 0, "", &report.Diagnostic{Code: "ambiguous-symbol", Severity: report.Error, Symbol: e.Name,
			Message: fmt.Sprintf("%d symbols of the image are called %s, and nothing in the original code tells which is meant", len(matches), e.Name),
			Hint:    "A reference to it from an unchanged function of the same file would tell."}
	}
}

// byName are the symbols of t that e can mean by its name, local or global as
// e is. Absolute ones (per-CPU variables in kallsyms) can be either.
func byName(t table, e *elfdiff.External) []int {
	var matches []int
	wantGlobal := e.Old == nil || e.Old.Global()
	for _, i := range t.Lookup(e.Name) {
		letter := t.Symbol(i).Type
		if e.Old != nil && (e.Old.Kind == elfdiff.Func) != strings.ContainsRune("tTwW", rune(letter)) {
			continue // data that kallsyms leave out is no function of its name
		}
		if global(letter) == wantGlobal || letter == 'A' || letter == 'a' {
			matches = append(matches, i)
		}
	}
	return matches
}

// proven is the address that the image's own bytes give.
func (k *Kernel) proven(e *elfdiff.External, proof *baseproof.Proof) (uint64, bool) {
	if e.Old != nil {
		return proof.Addr(e.Old)
	}
	return proof.SymbolAddr(e.Name)
}

// symbolAt is the symbol at addr, by preference the one of that name.
func (k *Kernel) symbolAt(name string, addr uint64) (int, string, *report.Diagnostic) {
	at := k.Image.At(addr)
	for _, i := range at {
		if k.Image.Symbols[i].Name == name {
			return i, "proof", nil
		}
	}
	for _, i := range at {
		if elfdiff.StableName(k.Image.Symbols[i].Name) == elfdiff.StableName(name) {
			return i, "proof", nil
		}
	}
	if len(at) > 0 {
		return at[0], "proof", nil
	}
	return 0, "", notProven(name, fmt.Sprintf("the symbol table has nothing at its address %#x", addr))
}

func notProven(name, reason string) *report.Diagnostic {
	return &report.Diagnostic{Code: "not-proven", Severity: report.Error, Symbol: name,
		Message: fmt.Sprintf("%s is not proven to be the kernel's: %s", name, reason)}
}

// Target is where a function to be replaced is found.
type Target struct {
	Name   string // in kallsyms
	SymPos uint64
}

// Replaced finds the kernel's own function that f replaces.
func (k *Kernel) Replaced(f *elfdiff.Function, proof *baseproof.Proof) (Target, *report.Diagnostic) {
	if reason := proof.Unproven(f.Old); reason != "" {
		d := notProven(f.Name, reason)
		d.Hint = "A function is replaced only when the image has the very code that its source compiles to."
		return Target{}, d
	}
	addr, ok := proof.Addr(f.Old)
	if !ok {
		return Target{}, notProven(f.Name, "it was not looked for")
	}
	i, _, d := k.symbolAt(f.Old.Name, addr)
	if d != nil {
		return Target{}, d
	}
	return Target{Name: k.Image.Symbols[i].Name, SymPos: Position(k.Image, i)}, nil
}
