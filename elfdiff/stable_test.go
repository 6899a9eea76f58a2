package elfdiff_test

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kintsugi/elfdiff"
	"kintsugi/internal/elfobj"
)

// clangFlags are the kernelFlags that clang knows.
var clangFlags = slices.DeleteFunc(slices.Clone(kernelFlags), func(f string) bool { return f == "-mrecord-mcount" })

// buildClang compiles C with clang, and adds ftrace sites like recordmcount.
func buildClang(t *testing.T, source string, flags ...string) *elfobj.File {
	t.Helper()
	f := buildWith(t, "clang-16", source, append(slices.Clone(clangFlags), flags...))
	machine{address: uint32(elf.R_X86_64_64)}.addSites(f)
	return f
}

// TestClangNames has static locals and literals of clang, whose names shift in other ways than
// gcc's.
func TestClangNames(t *testing.T) {
	locals := `int f(int x) { { static int n; n += x; external(n); } { static int n = 3; n -= x; return external(n + 1); } } int g(int x) { static int n; n ^= x; return external(n); }`
	literal := `struct ops { int (*call)(int); int *at; }; static int one(int x) { return external(x); } static int two(int x) { return external(x + 2); }
struct ops *a = &(struct ops){ one, &external_data }, *b = &(struct ops){ two, &external_data }; int f(int x) { return a->call(x) + b->call(x); }`
	for _, p := range []pair{
		edit("a static local before others", locals, "int g(int x) {", "int e(int x) { static int n = 9; n ^= x; return external(n); } int g(int x) {", pair{functions: []string{"+e"}, data: []string{"new:e.n"}}),
		edit("a static local of the same function in a new block", locals, "{ static int n; n += x;", "external(8); { static int n; n += x;", pair{functions: []string{"f"}, refused: []string{"ambiguous-symbol", "ambiguous-symbol"}}),
		{name: "a static local in another function", orig: locals,
			patched: `int f(int x) { { static int n; n += x; external(n); } { static int n = 3; n -= x; return external(n + 1); } }
int g(int x) { return external(x); } int h(int x) { static int n; n ^= x; return external(n); }`,
			functions: []string{"+h", "g"}, refused: []string{"ambiguous-symbol"}},
		{name: "functions in another order", orig: locals,
			patched: `int g(int x) { static int n; n ^= x; return external(n); } int f(int x) { { static int n; n += x; external(n); } { static int n = 3; n -= x; return external(n + 1); } }`},
		edit("a literal before others", literal, "struct ops *a =", "struct ops *c = &(struct ops){ two, 0 }; struct ops *a =", pair{data: []string{"new:c", "new:.compoundliteral"}, refused: []string{"data-kept"}}),
	} {
		t.Run(p.name, func(t *testing.T) {
			r, err := elfdiff.Diff(buildClang(t, p.orig), buildClang(t, p.patched))
			if err != nil {
				t.Fatal(err)
			}
			p.judge(t, r)
		})
	}
}

// TestRustNames has functions whose mangled names end in hashes that differ
// between the two objects.
func TestRustNames(t *testing.T) {
	source := `noinline int first(int x) { static int calls; calls += x; return external(x + calls); } int second(int x) { return first(x) + 1; } int third(int x) { return first(x) * 3; }`
	for _, form := range [][2]string{
		{"_ZN7mycrate%s17h0123456789abcdefE", "_ZN7mycrate%s17hfedcba9876543210E"},
		{"_RNvCs1234_7mycrate%s", "_RNvCs56789ab_7mycrate%s"},
	} {
		for change, want := range map[string][]string{"+ 1": {"second"}, "x + calls": {"first"}, "* 3": {"third"}, "": nil} {
			patched := source
			if change != "" {
				_, patched = swap(source, change, change+" + 11")
			}
			a, b := build(t, source), build(t, patched)
			mangle(a, form[0], "first", "second", "third")
			mangle(b, form[1], "first", "second", "third")
			r, err := elfdiff.Diff(a, b)
			if err != nil {
				t.Fatal(err)
			}
			functions, data, refused := summary(r)
			if len(functions) != len(want) || len(want) > 0 && !strings.Contains(functions[0], want[0]) || len(data)+len(refused)+len(r.Removed) > 0 {
				t.Errorf("%q: functions %v, data %v, diagnostics %v", change, functions, data, r.Diagnostics)
			}
		}
	}
}

// mangle renames the symbols of names with form, and makes them local, like most symbols of Rust.
func mangle(f *elfobj.File, form string, names ...string) {
	for _, s := range f.Symbols {
		if slices.Contains(names, s.Name) {
			s.Name = strings.Replace(form, "%s", string(rune('0'+len(s.Name)))+s.Name, 1)
			s.Bind = elf.STB_LOCAL
		}
	}
}

// TestLinkedFiles has objects that were linked from two files with static variables of the same
// names, in both orders.
func TestLinkedFiles(t *testing.T) {
	one := `static int state; static noinline int helper(int x) { static int n; n += x; state++; return external(n) + state; } int f(int x) { return helper(x); }`
	two := `static int state; static noinline int helper(int x) { static int n; n += x; state++; return external(n) + state; } int g(int x) { return helper(x); }`
	changed := strings.Replace(two, "external(n)", "external(n + 5)", 1)
	base := link(t, map[string]string{"one.c": one, "two.c": two}, "one.c", "two.c")
	for _, test := range []struct {
		name    string
		patched *elfobj.File
		want    string
	}{
		{"the same", link(t, map[string]string{"one.c": one, "two.c": two}, "one.c", "two.c"), ""},
		{"the other order", link(t, map[string]string{"one.c": one, "two.c": two}, "two.c", "one.c"), ""},
		{"one helper changed", link(t, map[string]string{"one.c": one, "two.c": changed}, "one.c", "two.c"), "helper"},
		{"one helper changed in the other order", link(t, map[string]string{"one.c": one, "two.c": changed}, "two.c", "one.c"), "helper"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, err := elfdiff.Diff(base, test.patched)
			if err != nil {
				t.Fatal(err)
			}
			functions, data, refused := summary(r)
			if strings.Join(functions, " ") != test.want || len(data)+len(refused)+len(r.Removed) > 0 {
				t.Errorf("functions %v, data %v, diagnostics %v, removed %v", functions, data, r.Diagnostics, r.Removed)
			}
			for _, f := range r.Functions {
				if users := f.Old.Users; len(users) != 1 || users[0].Name != "g" {
					t.Errorf("the helper of %v is to be replaced, want that of g", users)
				}
			}
		})
	}
}

func link(t *testing.T, sources map[string]string, order ...string) *elfobj.File {
	t.Helper()
	dir := t.TempDir()
	args := []string{"-r", "-o", filepath.Join(dir, "linked.o")}
	for _, name := range order {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(prelude+sources[name]), 0o644); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("gcc", append(slices.Clone(kernelFlags), "-c", name)...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("gcc: %v\n%s", err, out)
		}
		args = append(args, filepath.Join(dir, strings.TrimSuffix(name, ".c")+".o"))
	}
	run(t, "ld", args...)
	return readObject(t, filepath.Join(dir, "linked.o"))
}

// TestNoSectionSymbols has an object whose references use labels instead of sections, and one that
// has kept all its labels.
func TestNoSectionSymbols(t *testing.T) {
	source := `static int state = 4; static const char *const names[] = { "zero", "one" }; const char *f(int x) { return names[x & 1]; } int g(int x) { state += x; printk("text %d", state); return external(state); }`
	plain, labelled, changed := build(t, source), build(t, source, "-Wa,-L"), build(t, strings.Replace(source, `"one"`, `"two"`, 1), "-Wa,-L")
	unsectioned(labelled)
	unsectioned(changed)
	for _, test := range []struct {
		a, b *elfobj.File
		want string
	}{{plain, labelled, ""}, {labelled, plain, ""}, {plain, changed, "f"}} {
		r, err := elfdiff.Diff(test.a, test.b)
		if err != nil {
			t.Fatal(err)
		}
		if functions, _, refused := summary(r); strings.Join(functions, " ") != test.want || len(refused) > 0 {
			t.Errorf("functions %v, diagnostics %v", functions, r.Diagnostics)
		}
	}
}

// unsectioned replaces the section symbols of f by labels at the places of the relocations.
func unsectioned(f *elfobj.File) {
	labels := map[*elfobj.Section]*elfobj.Symbol{}
	var symbols []*elfobj.Symbol
	for _, s := range f.Symbols {
		if s.Type != elf.STT_SECTION {
			symbols = append(symbols, s)
		}
	}
	for _, sec := range f.Sections {
		for i := range sec.Relocs {
			r := &sec.Relocs[i]
			if r.Sym == nil || r.Sym.Type != elf.STT_SECTION {
				continue
			}
			home := r.Sym.Section
			if home.Flags&elf.SHF_MERGE != 0 {
				bias := int64(0)
				if r.Type == uint32(elf.R_X86_64_PC32) {
					bias = -4
				}
				r.Sym = &elfobj.Symbol{Name: ".Lmade", Section: home, Value: uint64(r.Addend - bias)}
				r.Addend = bias
				symbols = append(symbols, r.Sym)
				continue
			}
			if labels[home] == nil {
				labels[home] = &elfobj.Symbol{Name: ".Lhome", Section: home}
				symbols = append(symbols, labels[home])
			}
			r.Sym = labels[home]
		}
	}
	f.Symbols = symbols
}
