package elfdiff_test

import (
	"testing"

	"kintsugi/internal/extract"
)

// TestSelection has atoms that must be included, and others that need not be.
func TestSelection(t *testing.T) {
	inline := `static inline int half(int x) { return x / 2 + external_data; } int f(int x) { return half(x); } int g(int x) { return half(x) * external(x); } int h(int x) { return external(x); }`
	cold := `int printk(const char *fmt, ...) __attribute__((cold)); int f(int x) { if (__builtin_expect(x == 9, 0)) { printk("cold %d", x); printk("more"); } return external(x + 1); }`
	hidden := `static noinline notrace int hidden(int x) { return external(x) + 1; } int f(int x) { return hidden(x); } int g(int x) { return hidden(x) + 2; } int h(int x) { return external(x); }`
	shown := `noinline notrace int shown(int x) { return external(x) + 1; } int f(int x) { return shown(x); }`
	pointed := `static noinline notrace int hidden(int x) { return external(x) + 1; } int (*handler)(int) = hidden; int f(int x) { return hidden(x); }`
	state := `static int limit = 10; void set(int x) { limit = x; } int f(int x) { return x > limit; } int g(int x) { return external(x); }`
	names := `static const char *const names[] = { "one", "two" }; const char *f(int x) { return names[x]; } int g(int x) { return external(x); }`
	ops := `struct ops { int (*call)(int); const char *name; }; static int a(int x) { return external(x); } static struct ops table = { a, "one" }; struct ops *get(void) { return &table; }`
	start := `static int __init start(int x) { return external(x); } int f(int x) { return external(x + 1); } int (*keep)(int) __attribute__((section(".init.data"))) = start;`
	key := `struct static_key a; int f(int x) { if (static_branch(&a)) return external(x); return x; }`
	for _, p := range []pair{
		{name: "the same", orig: inline, patched: inline},
		{name: "comments", orig: inline, patched: "/* one */" + inline + "// two\n"},
		{name: "another order of functions", orig: inline,
			patched: `int h(int x) { return external(x); } static inline int half(int x) { return x / 2 + external_data; } int g(int x) { return half(x) * external(x); } int f(int x) { return half(x); }`},
		edit("an inlined helper", inline, "x / 2", "x / 4", pair{functions: []string{"f", "g"}}),
		edit("a new helper", inline, "int h(int x) { return",
			"static noinline int fresh(int x) { return external(x) - 1; } int h(int x) { return fresh(x) +",
			pair{functions: []string{"+fresh", "h"}}),
		edit("an unused new helper", inline, "int h(int x)",
			"static __attribute__((unused)) int fresh(int x) { return 1; } int h(int x)", pair{}),
		edit("a new variable", inline, "int h(int x) { return", "static int calls; int h(int x) { calls++; return",
			pair{functions: []string{"h"}, data: []string{"new:calls"}}),
		edit("a new initialized variable", inline, "int h(int x) { return",
			"static int calls = 3; int h(int x) { calls++; return", pair{functions: []string{"h"}, data: []string{"new:calls"}}),
		edit("a cold part", cold, "printk(\"more\")", "printk(\"less\")", pair{functions: []string{"f", "~f.cold"}}),
		edit("a function without an ftrace site", hidden, "external(x) + 1", "external(x) + 3",
			pair{functions: []string{"f", "g", "~hidden"}}),
		edit("a global function without one", shown, "external(x) + 1", "external(x) + 3",
			pair{functions: []string{"~shown"}, refused: []string{"no-ftrace-site"}}),
		edit("a pointed-at function without one", pointed, "external(x) + 1", "external(x) + 3",
			pair{functions: []string{"f", "~hidden"}, refused: []string{"no-ftrace-site"}}),
		edit("the initial value of a variable", state, "limit = 10", "limit = 11", pair{refused: []string{"data-changed"}}),
		edit("a string of a constant table", names, `"two"`, `"three"`,
			pair{functions: []string{"f"}, data: []string{"changed:names"}}),
		edit("a string of a writable table", ops, `"one"`, `"three"`, pair{refused: []string{"data-changed"}}),
		edit("a function in a writable table", ops, "return external(x);", "return external(x + 1);",
			pair{functions: []string{"a"}}),
		edit("init code", start, "external(x);", "external(x + 2);", pair{refused: []string{"init-code"}}),
		edit("what is beside init code", start, "external(x + 1)", "external(x + 2)", pair{functions: []string{"f"}}),
		edit("a static key of the module", key, "int f(int x) { if (static_branch(&a))",
			"static struct static_key b; int f(int x) { if (static_branch(&b))",
			pair{functions: []string{"f"}, data: []string{"new:b"}, refused: []string{"module-static-key", "state-dropped"}}),
		edit("a function taken out", inline, "int h(int x) { return external(x); }", "",
			pair{refused: []string{"symbol-removed"}}),
	} {
		t.Run(p.name, func(t *testing.T) { p.run(t) })
	}
}

// TestUnknownInstruction needs code that cannot be decoded.
func TestUnknownInstruction(t *testing.T) {
	source := `extern int table[]; int f(int x) { asm volatile(".byte 0x06; mov external_data(%rip), %eax"); return external(x); }`
	edit("", source, "external(x)", "external(x + 1)",
		pair{functions: []string{"f"}, refused: []string{"unknown-instruction"}}).run(t)
}

// TestDebugSites has pr_debug() call sites. A new site is included without its entry; an existing
// one stays the kernel's.
func TestDebugSites(t *testing.T) {
	macro := `struct ddebug { const char *fn; const char *fmt; unsigned line; struct static_key key; };
#define pr_debug(text) do { static struct ddebug __attribute__((aligned(8))) site __attribute__((section("__dyndbg"))) = { __func__, text, __LINE__ }; if (static_branch(&site.key)) printk(text, &site); } while (0)
`
	source := macro + `int f(int x) { pr_debug("one"); return external(x); } int g(int x) { pr_debug("two"); return external(x + 1); }`
	edit("", source, `pr_debug("one");`, `pr_debug("three"); pr_debug("one"); external(7);`,
		pair{functions: []string{"f"}, data: []string{"new:site", "private:__func__"},
			refused: []string{"debug-site-dropped"}}).run(t)
	edit("behind", source, `pr_debug("one");`, `pr_debug("one"); pr_debug("three"); external(7);`,
		pair{functions: []string{"f"}, data: []string{"new:site", "private:__func__"},
			refused: []string{"debug-site-dropped"}}).run(t)
	orig, patched := swap(source, `return external(x);`, `return external(x + 3);`)
	r := diffSources(t, orig, patched)
	x, err := extract.Cut(r, extract.Options{Prefix: "klp_"})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Data) > 0 || len(x.Externals) < 4 {
		t.Errorf("the existing site is copied: data %v, externals %v", r.Data, x.Externals)
	}
}

// TestOperations has a changed table of functions. It may be copied only if nothing keeps its
// address.
func TestOperations(t *testing.T) {
	common := `struct ops { int (*call)(int); int (*other)(int); }; struct file { const struct ops *ops; };
static noinline int one(int x) { return external(x); } static noinline int two(int x) { return external(x + 1); } int (*keep[])(int) = { one, two };
`
	kept := common + `static const struct ops table = { one, one }; void open(struct file *f) { f->ops = &table; }`
	indexed := common + `static const struct ops table[] = { { one, one }, { one, two } }; int call(int i, int x) { return table[i].call(x) + 1; }`
	edit("kept", kept, "table = { one, one }", "table = { one, two }",
		pair{data: []string{"changed:table"}, refused: []string{"data-changed"}}).run(t)
	edit("indexed", indexed, "{ one, two } };", "{ two, two } };",
		pair{functions: []string{"call"}, data: []string{"changed:table"}}).run(t)
}
