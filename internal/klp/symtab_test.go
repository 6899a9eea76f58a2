package klp

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kintsugi/internal/diag"
	"kintsugi/internal/elfobj"
	"kintsugi/internal/extract"
	"kintsugi/internal/fault"
	"kintsugi/internal/kimage"
	"kintsugi/internal/report"
	"kintsugi/internal/testenv"
)

// The same four symbols, as each of the tools prints them.
var symtabs = map[string]string{
	"readelf -sW": `
Symbol table '.symtab' contains 8 entries:
   Num:    Value          Size Type    Bind   Vis      Ndx Name
     0: 0000000000000000     0 NOTYPE  LOCAL  DEFAULT  UND 
     1: ffffffff81000000     0 SECTION LOCAL  DEFAULT    1 .text
     2: 0000000000000000     0 FILE    LOCAL  DEFAULT  ABS exec.c
     3: ffffffff81000300    20 FUNC    LOCAL  DEFAULT    1 user_read
     4: ffffffff82000000 0x40000 OBJECT  LOCAL  HIDDEN    3 table
     5: ffffffff81000100    20 FUNC    GLOBAL DEFAULT    1 user_read
     6: ffffffff81000200    20 FUNC    WEAK   DEFAULT    1 arch_hook
     7: 0000000000000000     0 NOTYPE  GLOBAL DEFAULT  UND absent
`,
	"readelf -sW with .dynsym": `
Symbol table '.dynsym' contains 2 entries:
   Num:    Value          Size Type    Bind   Vis      Ndx Name
     0: 0000000000000000     0 NOTYPE  LOCAL  DEFAULT  UND 
     1: ffffffff81000100    20 FUNC    GLOBAL DEFAULT    1 user_read@@V1 (2)

Symbol table '.symtab' contains 4 entries:
   Num:    Value          Size Type    Bind   Vis      Ndx Name
     1: ffffffff81000100    20 FUNC    GLOBAL DEFAULT [<localentry>: 8]     1 user_read
     2: ffffffff81000200    20 FUNC    WEAK   DEFAULT    1 arch_hook
     3: ffffffff81000300    20 FUNC    LOCAL  DEFAULT    1 user_read
     4: ffffffff82000000    64 OBJECT  LOCAL  DEFAULT    3 table
`,
	"nm": `
ffffffff81000200 W arch_hook
                 U absent
                 w absent_weak
ffffffff82000000 d table
ffffffff81000100 T user_read
ffffffff81000300 t user_read
`,
	"nm -S": `
ffffffff81000200 0000000000000014 W arch_hook
ffffffff82000000 0000000000000040 d table
ffffffff81000100 0000000000000014 T user_read
ffffffff81000300 0000000000000014 t user_read
`,
	"System.map": `ffffffff81000100 T user_read
ffffffff81000200 W arch_hook
ffffffff81000300 t user_read
ffffffff82000000 d table
`,
	"kallsyms": "ffffffff81000100 T user_read\nffffffff81000200 W arch_hook\nffffffff81000300 t " +
		"user_read\r\nffffffff82000000 d table\n" +
		"ffffffffc0000000 t user_read\t[some_module]\nffffffffc0001000 t bpf_prog_1\t[bpf]\n",
	"kallsyms without addresses": "0000000000000000 T user_read\n0000000000000000 W arch_hook\n0000000000000000 t " +
		"user_read\n0000000000000000 d table",
}

func TestReadSymtab(t *testing.T) {
	for name, text := range symtabs {
		table, err := ReadSymtab([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []string
		for i, s := range table.symbols {
			bind := "local"
			if global(s.Type) {
				bind = "global"
			}
			got = append(got, strings.Join([]string{bind, s.Name, string('0' + rune(position(table, i)))}, " "))
		}
		want := []string{"global user_read 1", "global arch_hook 0", "local user_read 2", "local table 0"}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

func TestReadSymtabErrors(t *testing.T) {
	two := "\nSymbol table '.symtab' contains 1 entries:\n"
	for want, text := range map[string]string{
		"no symbols in it":       "",
		"line 1: no symbol of":   "hello world\n",
		"line 2: no symbol of":   "ffffffff81000100 T a\n#include <stdio.h>\n",
		"line 3: no symbol of":   "ffffffff81000100 T a\n\nffffffff81000100 T\n",
		"line 1: no symbol of ":  "ffffffff81000100 T a b c\n",
		"\"a.o:\" begins":        "a.o:\n0000000000000000 T f\n",
		"\"File: a.o\" begins":   "File: a.o\n",
		"second symbol table":    two + two,
		"is cut off":             "     5: ffffffff81000100    20 FUNC    GLOBAL DEFAULT    1 a_very_long_na[...]\n",
		"line 1: no symbol":      "     5: nonsense    20 FUNC    GLOBAL DEFAULT    1 a\n",
		"line 1: no symbol of r": "     5: ffffffff81000100    20 FUNC    GLOBAL DEFAULT [<other>: 1 a\n",
		"line 1: no":             "\x7fELF\x02\x01\x01\x00",
	} {
		_, err := ReadSymtab([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) || fault.ClassOf(err) != fault.Input {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// extractOf has references to symbols of these names, all of other units.
func extractOf(names ...string) *extract.Object {
	x := &extract.Object{File: &elfobj.File{}}
	for _, n := range names {
		x.Externals = append(x.Externals, extract.External{Name: n, Sym: &elfobj.Symbol{Name: n}})
	}
	return x
}

func TestSymtabResolve(t *testing.T) {
	table := newSymtab([]kimage.Symbol{
		{Name: "twice", Addr: 5, Type: 'T'}, {Name: "twice", Addr: 3, Type: 't'},
		{Name: "exported", Addr: 6, Type: 'T'}, {Name: "namespaced", Addr: 7, Type: 'T'},
		{Name: "static_only", Addr: 8, Type: 't'},
		{Name: "unclear", Addr: 9, Type: 'T'}, {Name: "unclear", Addr: 10, Type: 'W'},
		{Name: "percpu", Addr: 0x100, Type: 'A'},
		{Name: "modular", Addr: 11, Type: 'T'},
	})
	exports := map[string]Export{"exported": {Module: Vmlinux}, "namespaced": {Module: Vmlinux, Namespace: "NS"},
		"modular":     {Module: "drivers/x"},
		"static_only": {Module: Vmlinux}}
	x := extractOf("twice", "exported", "namespaced", "percpu", "modular")
	r := table.Resolve(x, exports)
	want := []report.Reference{
		{Symbol: "twice", Object: "vmlinux", SymPos: 2, Kind: "klp", How: "name"},
		{Symbol: "exported", Object: "vmlinux", Kind: "export", How: "name"},
		{Symbol: "namespaced", Object: "vmlinux", Kind: "export", How: "name"},
		{Symbol: "percpu", Object: "vmlinux", Kind: "klp", How: "name"},
		{Symbol: "modular", Object: "vmlinux", Kind: "klp", How: "name"},
	}
	if d := cmp.Diff(want, r.References); d != "" || len(r.Diagnostics) > 0 {
		t.Error(r.Diagnostics, d)
	}
	if d := cmp.Diff([]string{"NS"}, r.Namespaces); d != "" {
		t.Error(d)
	}
	var names []string
	for _, e := range x.Externals {
		names = append(names, r.Names[e.Sym])
	}
	if d := cmp.Diff([]string{".klp.sym.vmlinux.twice,2", "exported", "namespaced", ".klp.sym.vmlinux.percpu,0",
		".klp.sym.vmlinux.modular,0"}, names); d != "" {
		t.Error(d)
	}
	for name, code := range map[string]diag.Code{"unclear": "ambiguous-symbol", "absent": "not-proven",
		"static_only": "not-proven"} {
		r := table.Resolve(extractOf(name), exports)
		if len(r.Diagnostics) != 1 || r.Diagnostics[0].Code != code || len(r.References) > 0 {
			t.Errorf("%s: %+v, want %s", name, r, code)
		}
	}
}

func TestResolveExports(t *testing.T) {
	x := extractOf("exported", "modular", "other")
	r := ResolveExports(x, map[string]Export{"exported": {Module: Vmlinux}, "modular": {Module: "drivers/x"}})
	if d := cmp.Diff([]report.Reference{{Symbol: "exported", Object: "vmlinux", Kind: "export", How: "name"}},
		r.References); d != "" {
		t.Error(d)
	}
	if x.Externals[2].Sym.Name != "other" {
		t.Error(x.Externals[2].Sym.Name)
	}
}

// FuzzReadSymtab: whatever is read has names, in the order of addresses, each
// with its own position.
func FuzzReadSymtab(f *testing.F) {
	for _, text := range symtabs {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		table, err := ReadSymtab(data)
		if err != nil {
			if fault.ClassOf(err) != fault.Input {
				t.Fatal(err)
			}
			return
		}
		for i, s := range table.symbols {
			if s.Name == "" || i > 0 && table.symbols[i-1].Addr > s.Addr {
				t.Fatalf("symbol %d: %+v", i, s)
			}
			same := table.Lookup(s.Name)
			if n := position(table, i); n == 0 && len(same) != 1 || n > 0 && same[n-1] != i {
				t.Fatalf("symbol %d is at position %d of %v", i, n, same)
			}
		}
	})
}

// TestSymtabReal prints the symbols of a real kernel as nm would, its second
// half first, and compares every position with that of the image itself.
func TestSymtabReal(t *testing.T) {
	file, err := os.ReadFile(testenv.Kernel(t).Image)
	if err != nil {
		t.Fatal(err)
	}
	k := &Kernel{}
	if k.Image, err = kimage.Open(file); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for i := range k.Image.Symbols {
		s := k.Image.Symbols[(i+len(k.Image.Symbols)/2)%len(k.Image.Symbols)]
		fmt.Fprintf(&text, "%016x %c %s\n", s.Addr, s.Type, s.Name)
	}
	table, err := ReadSymtab([]byte(text.String()))
	if err != nil {
		t.Fatal(err)
	}
	if len(table.symbols) != len(k.Image.Symbols) {
		t.Fatalf("%d symbols of %d", len(table.symbols), len(k.Image.Symbols))
	}
	several := 0
	for i, s := range k.Image.Symbols {
		want := position(imageTable{k.Image}, i)
		if want > 0 {
			several++
		}
		if want > 0 && table.symbols[table.Lookup(s.Name)[want-1]].Addr != s.Addr || want == 0 &&
			len(table.Lookup(s.Name)) != 1 {
			t.Errorf("%s at %#x: position %d", s.Name, s.Addr, want)
		}
	}
	t.Logf("%d symbols, %d of them share their names", len(table.symbols), several)
}
