package elfdiff_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"kintsugi/elfdiff"
	"kintsugi/internal/elfobj"
	"kintsugi/internal/extract"
)

// TestLostOrMistaken has changes that would be lost or misdirected if the differ checked less.
func TestLostOrMistaken(t *testing.T) {
	wide := `typedef unsigned short w; void use(const w *s); int f(int x) { use(L"SecureBoot"); return external(x); }`
	swapped := `noinline int f(int c) { if (c == 1) { static int n; external(n++); } if (c == 2) { static int n; printk("b", n += 3); } return 1; }`
	cold := `void slow(const char *) __attribute__((cold)); static notrace noinline int helper(int a) { if (a > 5) { slow("one"); a += external(a); } return a * 7 + external(a); }
int caller(int a) { return helper(a) + external(a); }`
	jump := `extern struct static_key key; void panic(const char *) __attribute__((cold, noreturn)); void use(void *);
noinline int f(int a) { char buf[32]; int x = external(a); use(buf); if (static_branch(&key)) panic("no"); return x; }`
	aliases := `int one(int a) { return external(a); } int two(int a) { return external(a + 1); } int foo(int a) __attribute__((alias("one")));`
	chain := `static notrace noinline int inner(int a) { return external(a) * 3; } static notrace noinline int outer(int a) { return inner(a) * 3 + external(a); }
int f(int a) { return outer(a) + 1; } int g(int a) { return outer(a) + 2; }`
	for _, p := range []pair{
		edit("the end of a wide string", wide, "SecureBoot", "SecureBoox", pair{functions: []string{"f"}}),
		edit("a static local that another function takes over",
			`void *get(void); noinline int f(void) { static void *state; if (!state) state = get(); return 1; } noinline int g(int a) { return external(a); }`,
			`static void *state; if (!state) state = get(); return 1; } noinline int g(int a) { return external(a); }`,
			`return 1; } noinline int g(int a) { static long state; return external(state += a); }`,
			pair{functions: []string{"f", "g"}, refused: []string{"ambiguous-symbol"}}),
		edit("static locals of one name in another order", swapped,
			`if (c == 1) { static int n; external(n++); } if (c == 2) { static int n; printk("b", n += 3); }`,
			`if (c == 2) { static int n; printk("b", n += 3); } if (c == 1) { static int n; external(n++); }`,
			pair{functions: []string{"f"}, refused: []string{"ambiguous-symbol", "ambiguous-symbol"}}),
		edit("the cold part of a function that cannot be traced", cold, `"one"`, `"two"`,
			pair{functions: []string{"caller", "~helper", "~helper.cold"}}),
		edit("a cold part that only a jump label reaches", jump, "external(a)", "external(a + 1)",
			pair{functions: []string{"f", "~f.cold"}}),
		edit("a new name that comes before the old", aliases, "return external(a); }",
			`return external(a + 5); } int aaa(int a) __attribute__((alias("one")));`, pair{functions: []string{"aaa"}}),
		edit("a global constant that becomes writable", `const int limit = 5; const int *f(void) { return &limit; }`,
			"const int limit = 5", "int limit = 6",
			pair{functions: []string{"f"}, data: []string{"new:limit"}, refused: []string{"data-changed", "data-kept"}}),
		edit("a new global per-cpu variable", `int f(int a) { return external(a); }`, "int f",
			`int counter __attribute__((section(".data..percpu"))) = 6; int f`, pair{refused: []string{"unknown-section"}}),
		edit("a greater alignment", `static char buf[64]; char *f(int i) { return &buf[i]; }`, "buf[64];",
			"buf[64] __attribute__((aligned(64)));", pair{refused: []string{"data-changed"}}),
		edit("callers of callers that cannot be traced", chain, "external(a) * 3; }", "external(a) * 5; }",
			pair{functions: []string{"f", "g", "~inner", "~outer"}}),
	} {
		t.Run(p.name, func(t *testing.T) { p.run(t, "-fshort-wchar") })
	}
}

// TestRetargetedAlias: the old function with the name is also the other name's.
func TestRetargetedAlias(t *testing.T) {
	source := `int one(int a) { return external(a); } int two(int a) { return external(a + 1); } int foo(int a) __attribute__((alias("one")));`
	orig, patched := swap(source, `alias("one")`, `alias("two")`)
	if r := diffSources(t, orig, patched); !r.Refused() {
		t.Errorf("not refused: %v", r.Functions)
	}
}

// TestArrayEnd: another variable begins where an array ends. A pointer to the end must not become a
// pointer to a variable that the patch has put there.
func TestArrayEnd(t *testing.T) {
	const head = `
#define ro __attribute__((section(".data..read_mostly")))
static int lone ro = 5;
static int tab[8] ro = {1,2,3,4,5,6,7,8};
noinline int set(int i, int v) { tab[i] = v; lone = v; return tab[i ^ 1]; }
`
	for _, f := range []string{
		"int f(void) { int n = 0; for (int *p = tab; p < tab + 8; p++) n += external(*p); return n + END; }",
		"int f(void) { int n = 0; for (long i = -8; i < 0; i++) n += tab[i + 8]; return n + END; }",
		"int f(int *p) { return p < tab + 8 ? END : 7; }",
		"int f(void) { static int *const ends[2] = { tab, tab + 8 }; return external((long)ends) + END; }",
	} {
		orig := head + strings.Replace(f, "END", "external(1)", 1)
		same := head + strings.Replace(f, "END", "external(2)", 1)
		beside := strings.Replace(head, "static int tab", "static int fresh ro = 9;\nstatic int tab",
			1) + strings.Replace(f, "END", "external(fresh++)", 1)
		if r := diffSources(t, orig, same); r.Refused() {
			t.Errorf("%s: refused although no place changes: %v", f, r.Diagnostics)
		}
		if r := diffSources(t, orig, beside); !r.Refused() {
			t.Errorf("%s: not refused", f)
		}
	}
}

// TestLabelInReplacement: the code of an alternative is one piece, even if an entry of another
// section points into its middle.
func TestLabelInReplacement(t *testing.T) {
	source := `
#define LOCKED(feature) asm volatile("661: nop;nop;nop;nop\n662:\n.pushsection .altinstructions,\"a\"\n.long 661b - .\n.long 663f - .\n.word " #feature "\n.byte 662b-661b\n.byte 664f-663f\n.popsection\n.pushsection .altinstr_replacement,\"ax\"\n663: nop\n671: lock incl (%%rax)\n664:\n.popsection\n.pushsection .smp_locks,\"a\"\n.balign 4\n.long 671b - .\n.popsection" ::: "memory")
int f(int a) { LOCKED(5); return external(a); }`
	orig, patched := swap(source, "lock incl", "lock decl")
	r := diffSources(t, orig, patched)
	x, err := extract.Cut(r, extract.Options{Prefix: "klp_"})
	if err != nil {
		t.Fatal(err)
	}
	code := x.File.Section(".altinstr_replacement")
	if code == nil || !bytes.Equal(code.Data, []byte{0x90, 0xf0, 0xff, 0x08}) {
		t.Errorf("replacement in the module: %v", code)
	}
	if locks := x.File.Section(".smp_locks"); locks == nil || len(locks.Data) != 4 {
		t.Errorf("lock prefixes in the module: %v", locks)
	}
}

// TestPaddingIsNoFtraceSite: if calls are padded on x86, every function has an entry in
// __patchable_function_entries, traced or not.
func TestPaddingIsNoFtraceSite(t *testing.T) {
	p := edit("", `static noinline notrace int helper(int a) { return external(a) * 7; } int f(int a) { return helper(a) + external(1); }`, "* 7", "* 9", pair{functions: []string{"f", "~helper"}})
	p.run(t, "-fpatchable-function-entry=16,16")
}

// TestThreeFieldExceptions: before Linux 5.16, an entry of the exception table has three
// relocations. Two of these entries look like three entries with two.
func TestThreeFieldExceptions(t *testing.T) {
	source := `void handler(void);
#define MAYFAULT asm volatile("1: nop\n2:\n.pushsection __ex_table,\"a\"\n.balign 4\n.long 1b - .\n.long 2b - .\n.long handler - .\n.popsection")
int f(int a) { MAYFAULT; return external(a); } int g(int a) { MAYFAULT; return external(a + 1); }`
	orig, patched := swap(source, "external(a + 1)", "external(a + 2)")
	x, err := extract.Cut(diffSources(t, orig, patched), extract.Options{Prefix: "klp_"})
	if err != nil {
		t.Fatal(err)
	}
	if table := x.File.Section("__ex_table"); table == nil || len(table.Data) != 12 {
		t.Errorf("exception table in the module: %v", table)
	}
	if !slices.ContainsFunc(x.Externals, func(e extract.External) bool { return e.Name == "handler" }) {
		t.Errorf("the handler is not among %v", x.Externals)
	}
}

// TestTakenRelocation has a relocation of type NONE: objtool has replaced it together with the
// instruction, and left its symbol.
func TestTakenRelocation(t *testing.T) {
	source := `static noinline int slow(int a) { return external(a); } int f(int a) { return external(a + 1) + 1; } int g(int a) { return slow(a) + 2; }`
	plain, taken := build(t, source), build(t, source)
	var slow *elfobj.Symbol
	for _, s := range taken.Symbols {
		if s.Name == "slow" {
			slow = s
		}
	}
	for _, s := range taken.Sections {
		if s.Target != nil && s.Target.Name == ".text.f" {
			s.Relocs = append(s.Relocs, elfobj.Reloc{Offset: uint64(len(s.Target.Data)) - 1, Sym: slow, Addend: -4})
		}
	}
	r, err := elfdiff.Diff(plain, taken)
	if err != nil {
		t.Fatal(err)
	}
	pair{}.judge(t, r)
}
