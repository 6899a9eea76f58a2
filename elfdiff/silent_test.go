package elfdiff_test

import "testing"

// TestSilentMisses has changes that tools of this kind have lost silently.
func TestSilentMisses(t *testing.T) {
	keys := `struct static_key a, b; int f(int x) { if (static_branch(&a)) return external(x); return x; } int g(int x) { return static_branch(&b) ? 1 : external(x); }`
	warn := `int f(int x) { if (x == 7) BUG_FLAGS(1); return external(x); } int g(int x) { return external(x + 1); }`
	alternative := `int f(int x) { ALT(100); return external(x); } int g(int x) { ALT(100); return external(x + 1); }`
	table := `int f(int x) { switch (x) { case 0: return 17; case 1: return 4; case 2: return 99; case 3: return 23; case 4: return 54; case 5: return 8; case 6: return 1; } return 0; } int g(int x) { return external(x); }`
	print := `void f(int x) { printk("%d", 10); external(x); } void g(void) { printk("%d", 10); }`
	shared := `static const int tab[4] = { 1, 2, 3, 4 }; int f(int x) { return tab[x] + 5; } int g(int x) { return tab[x + 1] - external(x); } int h(int x) { return external(x); }`
	plain := `int f(int x) { return external(x); }`
	for _, p := range []pair{
		edit("another static key behind the same nop", keys, "static_branch(&a)", "static_branch(&b)",
			pair{functions: []string{"f"}}),
		edit("only the flag of a WARN", warn, "BUG_FLAGS(1)", "BUG_FLAGS(3)", pair{functions: []string{"f"}}),
		edit("another feature bit of an alternative", alternative, "ALT(100); return external(x);",
			"ALT(101); return external(x);", pair{functions: []string{"f"}}),
		edit("one value of a switch table", table, "23", "24",
			pair{functions: []string{"f"}, data: []string{"changed:CSWTCH"}}),
		edit("a constant that looks like a line number", print, `printk("%d", 10); external`, `printk("%d", 20); external`,
			pair{functions: []string{"f"}}),
		edit("constant data of a changed and an unchanged function", shared,
			"{ 1, 2, 3, 4 }; int f(int x) { return tab[x] + 5; }", "{ 1, 2, 3, 5 }; int f(int x) { return tab[x] + 6; }",
			pair{functions: []string{"f", "g"}, data: []string{"changed:tab"}}),
		edit("constant data alone", shared, "{ 1, 2, 3, 4 }", "{ 1, 2, 9, 4 }",
			pair{functions: []string{"f", "g"}, data: []string{"changed:tab"}}),
		edit("an export added", plain, "}", "} EXPORT(f, );", pair{refused: []string{"export-dropped"}}),
		edit("an export taken away", plain+"EXPORT(f, );", "EXPORT(f, );", "", pair{refused: []string{"export-changed"}}),
		edit("an export for others", plain+"EXPORT(f, _gpl);", "_gpl", "", pair{refused: []string{"export-changed"}}),
		edit("an export and its function taken away", plain+"int g(int x) { return external(x); } EXPORT(g, );",
			"int g(int x) { return external(x); } EXPORT(g, );", "",
			pair{refused: []string{"symbol-removed"}}),
		edit("an export added, of newer kernels", plain, "}", "} EXPORT_NEWER(f, );",
			pair{refused: []string{"export-dropped"}}),
		edit("an export for others, of newer kernels", plain+"EXPORT_NEWER(f, GPL);", "GPL", "",
			pair{refused: []string{"export-changed"}}),
		edit("a module parameter added", plain, "}",
			`} static int param; struct kp { const char *n; int *p; }; static const struct kp __param_x __attribute__((used, section("__param"))) = { "x", &param };`,
			pair{refused: []string{"unknown-section"}}),
		edit("an initcall added", plain, "}",
			`} static int __init start(void) { return external(3); } asm(".section .initcall6.init,\"a\"\n.long start - .\n.previous"); void *keep = 0; int (*use)(void) __attribute__((section(".init.data"), used)) = start;`,
			pair{refused: []string{"init-code"}, data: []string{"new:keep"}}),
		edit("an entry of a section that nobody has listed", plain, "}",
			`} static int item __attribute__((used, section("vendor_table"))) = 4;`, pair{refused: []string{"unknown-section"}}),
	} {
		t.Run(p.name, func(t *testing.T) { p.run(t) })
	}
}
