package klp

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"kintsugi/elfdiff"
	"kintsugi/internal/diag"
	"kintsugi/internal/extract"
	"kintsugi/internal/fault"
	"kintsugi/internal/kimage"
	"kintsugi/internal/report"
)

// Symtab is the symbol table of a kernel as text, for use without the image.
type Symtab struct {
	symbols []kimage.Symbol // by address, like kallsyms
	byName  map[string][]int
}

// ReadSymtab reads the output of readelf -sW or nm for a vmlinux, System.map, or
// /proc/kallsyms, without symbols of modules. Each line shows its own format.
func ReadSymtab(data []byte) (*Symtab, error) {
	p := symtabParser{}
	for rest, line := string(data), ""; rest != ""; {
		line, rest, _ = strings.Cut(rest, "\n")
		p.line++
		if err := p.parse(line); err != nil {
			return nil, fault.Inputf("symbol table: line %d: %w", p.line, err).
				Hint("pass the output of readelf -sW or nm for one vmlinux, System.map or /proc/kallsyms")
		}
	}
	if len(p.symbols) == 0 {
		return nil, fault.Inputf("symbol table: no symbols in it")
	}
	return newSymtab(p.symbols), nil
}

// newSymtab sorts symbols in the order of kallsyms, which is that of nm -n
// (scripts/link-vmlinux.sh): positions count in this order.
func newSymtab(symbols []kimage.Symbol) *Symtab {
	slices.SortStableFunc(symbols, func(a, b kimage.Symbol) int { return cmp.Compare(a.Addr, b.Addr) })
	t := &Symtab{symbols: symbols, byName: make(map[string][]int, len(symbols))}
	for i := range symbols {
		t.byName[symbols[i].Name] = append(t.byName[symbols[i].Name], i)
	}
	return t
}

type symtabParser struct {
	line    int
	symbols []kimage.Symbol
	tables  int  // headers of symbol tables and files so far
	dynamic bool // in .dynsym, which repeats symbols of .symtab
}

func (p *symtabParser) parse(line string) error {
	fields := strings.Fields(line)
	switch {
	case len(fields) == 0:
		return nil
	case strings.HasPrefix(line, "Symbol table ") && len(fields) > 2:
		return p.table(fields[2])
	case fields[0] == "Num:":
		return nil
	case isFileHeader(fields):
		return fmt.Errorf("%q begins the table of a file; want the table of one kernel, without such lines", line)
	case strings.HasSuffix(fields[0], ":"):
		return p.readelf(fields[1:])
	}
	return p.nm(fields)
}

// table begins one of readelf's tables.
func (p *symtabParser) table(name string) error {
	p.dynamic = name == "'.dynsym'"
	if p.dynamic {
		return nil
	}
	if p.tables++; p.tables > 1 {
		return fmt.Errorf("a second symbol table; want the table of one kernel")
	}
	return nil
}

// isFileHeader recognises the line that readelf and nm print above the symbols of
// each of several files: "File: a.o", "a.o:".
func isFileHeader(fields []string) bool {
	if fields[0] == "File:" {
		return true
	}
	name, ok := strings.CutSuffix(fields[0], ":")
	return ok && len(fields) == 1 && !isDecimal(name)
}

func isDecimal(s string) bool {
	_, err := strconv.ParseUint(s, 10, 64)
	return err == nil
}

// readelf reads the columns behind the number: Value Size Type Bind Vis Ndx
// Name. ppc64 has remarks in brackets behind Vis.
func (p *symtabParser) readelf(fields []string) error {
	if i := slices.IndexFunc(fields, func(f string) bool { return strings.HasPrefix(f, "[") }); i == 5 {
		end := slices.IndexFunc(fields, func(f string) bool { return strings.HasSuffix(f, "]") })
		if end < i {
			return errNoFormat
		}
		fields = slices.Delete(fields, i, end+1)
	}
	if len(fields) < 6 || len(fields) > 8 {
		return errNoFormat
	}
	addr, err := strconv.ParseUint(fields[0], 16, 64)
	if err != nil {
		return errNoFormat
	}
	typ, bind, index := fields[2], fields[3], fields[5]
	if len(fields) == 6 || index == "UND" || typ == "FILE" || typ == "SECTION" || p.dynamic {
		return nil // no name, or not in kallsyms
	}
	name := fields[6]
	if strings.HasSuffix(name, "[...]") {
		return fmt.Errorf("%s is cut off: run readelf with -W", name)
	}
	return p.add(name, addr, letter(typ, bind, index))
}

// letter is nm's letter for a symbol, as far as Resolve needs it.
func letter(typ, bind, index string) byte {
	l := byte('d')
	switch {
	case index == "ABS":
		l = 'a'
	case bind == "WEAK":
		l = 'w'
	case typ == "FUNC" || typ == "IFUNC":
		l = 't'
	}
	if bind != "LOCAL" {
		l -= 'a' - 'A'
	}
	return l
}

// nm reads the columns of nm, nm -S and kallsyms: address [size] letter name
// [module]. Undefined symbols have no address.
func (p *symtabParser) nm(fields []string) error {
	if len(fields) == 2 && len(fields[0]) == 1 && strings.Contains("Uwv", fields[0]) {
		return nil
	}
	addr, err := strconv.ParseUint(fields[0], 16, 64)
	if err != nil || len(fields) < 3 {
		return errNoFormat
	}
	fields = fields[1:]
	if len(fields[0]) > 1 && len(fields) > 2 {
		if _, err := strconv.ParseUint(fields[0], 16, 64); err != nil {
			return errNoFormat
		}
		fields = fields[1:]
	}
	if len(fields[0]) != 1 || len(fields) > 3 || !isLetter(fields[0][0]) {
		return errNoFormat
	}
	if len(fields) == 3 {
		if !strings.HasPrefix(fields[2], "[") || !strings.HasSuffix(fields[2], "]") {
			return errNoFormat
		}
		return nil // of a module
	}
	if fields[0][0] == kimage.Import {
		return nil // undefined, whatever its address
	}
	return p.add(fields[1], addr, fields[0][0])
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '?' || c == '-' }

var errNoFormat = fmt.Errorf("no symbol of readelf, nm or kallsyms")

// maxSymtab is far above the number of symbols of any kernel, as in package kimage.
const maxSymtab = 1 << 22

func (p *symtabParser) add(name string, addr uint64, letter byte) error {
	if len(p.symbols) == maxSymtab {
		return fmt.Errorf("more than %d symbols", maxSymtab)
	}
	p.symbols = append(p.symbols, kimage.Symbol{Name: name, Addr: addr, Type: letter})
	return nil
}

// Lookup returns the indices of all symbols called name, by address.
func (t *Symtab) Lookup(name string) []int { return t.byName[name] }

// Symbol is the i-th symbol.
func (t *Symtab) Symbol(i int) kimage.Symbol { return t.symbols[i] }

// Resolve finds the external symbols of x like Owner.Resolve, but only by name: a
// name that the table has twice is refused. Without exports, all references are
// livepatch references.
func (t *Symtab) Resolve(x *extract.Object, exports map[string]Export) *Resolution {
	return resolve(x, func(string) (string, bool) { return "", false }, exports, Vmlinux,
		func(e *extract.External) (*report.Reference, *report.Diagnostic) {
			i, err := t.find(e)
			if err != nil {
				return nil, err
			}
			return reference(t, i, "name", exports), nil
		})
}

// Replaced finds the kernel's function that f replaces by its name.
func (t *Symtab) Replaced(f *elfdiff.Function) (Target, *report.Diagnostic) {
	i, err := t.find(&extract.External{Name: f.Old.Name, Old: f.Old})
	if err != nil {
		return Target{}, err
	}
	return Target{Name: f.Old.Name, SymPos: position(t, i)}, nil
}

func (t *Symtab) find(e *extract.External) (int, *report.Diagnostic) {
	matches := byName(t, e)
	switch {
	case len(matches) == 1:
		return matches[0], nil
	case len(matches) > 1:
		return 0, new(report.Found(report.Diagnostic{Code: diag.AmbiguousSymbol, Symbol: e.Name,
			Message: fmt.Sprintf("%d symbols of the table are called %s, and the name does not show which of them is meant",
				len(matches), e.Name),
			Hint: "Build from the source patch: the kernel image then proves which of them the code refers to."}))
	}
	d := new(report.Found(report.Diagnostic{Code: diag.NotProven, Symbol: e.Name,
		Message: fmt.Sprintf("%s is not in the symbol table", e.Name),
		Hint:    "Is this the table of the kernel that the objects were compiled for?"}))
	if e.Old != nil && !e.Old.Global() {
		d.Message = fmt.Sprintf("the symbol table has no local symbol %s", e.Name)
	}
	return 0, d
}

// ResolveExports records which of the external symbols of x the kernel exports.
// The others stay undefined: nothing is known about them.
func ResolveExports(x *extract.Object, exports map[string]Export) *Resolution {
	r := &Resolution{}
	for i := range x.Externals {
		e := &x.Externals[i]
		if ex, ok := exports[e.Name]; ok && ex.Module == Vmlinux && (e.Old == nil || e.Old.Global()) {
			r.References = append(r.References, report.Reference{Symbol: e.Name, Object: Vmlinux, Kind: report.Export,
				How: report.ByName})
		}
	}
	return r
}
