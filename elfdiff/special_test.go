package elfdiff_test

import "testing"

// TestShortBugEntries has bug tables of kernels without CONFIG_DEBUG_BUGVERBOSE, whose entries have
// no file name. Two entries must not be read as one.
func TestShortBugEntries(t *testing.T) {
	source := `#define BUG_ENTRY(flags) asm volatile("1: ud2\n.pushsection __bug_table,\"aw\"\n2: .long 1b - .\n.word %c0\n.org 2b+8\n.popsection" : : "i" (flags))
int f(int x) { if (x == 3) BUG_ENTRY(1); return external(x); }
int g(int x) { if (x == 4) BUG_ENTRY(1); return external(x + 1); }`
	edit("code", source, "external(x + 1)", "external(x + 2)", pair{functions: []string{"g"}}).run(t)
	edit("flag", source, "if (x == 4) BUG_ENTRY(1)", "if (x == 4) BUG_ENTRY(3)", pair{functions: []string{"g"}}).run(t)
	edit("flag of the first", source, "if (x == 3) BUG_ENTRY(1)", "if (x == 3) BUG_ENTRY(3)",
		pair{functions: []string{"f"}}).run(t)
}
