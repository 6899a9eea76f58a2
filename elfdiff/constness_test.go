package elfdiff_test

import "testing"

// TestConstness has arrays that are not const in C, but that gcc treats as constants because no
// code can write to them.
func TestConstness(t *testing.T) {
	const names = `static const char *names[] = { "zero", "one" }; int match_string(const char **, int, const char *); int take(const char **);
const char *f(int x) { return names[x & 1]; } int g(int x) { external(x); return 0; } int h(int x) { return external(names[x & 1] == 0); }`
	written := `static int numbers[] = { 1, 2, 3, 4 }; int f(int x) { return numbers[x & 3]; } int g(int x) { external(x); return 0; } int take(int *);`
	handed := names + ` int k(const char *name) { return match_string(names, 2, name); }`
	section := []string{"section-kept"}
	for _, p := range []pair{
		edit("the address is used by a function that reads", names, "external(x); return 0", `return match_string(names, 2, "one")`,
			pair{functions: []string{"f", "g", "h"}, data: []string{"changed:names"}, refused: []string{"constant-kept"}}),
		edit("the address is handed out", names, "external(x); return 0", `return take(names)`,
			pair{functions: []string{"f", "g", "h"}, data: []string{"changed:names"}, refused: []string{"constant-kept", "data-kept"}}),
		edit("the address is not used any more", handed, "return match_string(names, 2, name)", "return external(*name)",
			pair{functions: []string{"k"}, refused: section}),
		edit("it is written", written, "external(x); return 0", "numbers[x & 3] = 7; return 0",
			pair{functions: []string{"f", "g"}, data: []string{"changed:numbers"}}),
		edit("it is counted up", written, "external(x); return 0", "numbers[x & 3]++; return 0",
			pair{functions: []string{"f", "g"}, data: []string{"changed:numbers"}}),
		edit("it was written", written+" int w(int x) { numbers[x & 3] = 7; return 0; }", "numbers[x & 3] = 7; return 0", "return external(x)",
			pair{functions: []string{"w"}, refused: section}),
		edit("it is written, and has other contents", written, "1, 2, 3, 4 }; int f(int x) { return numbers[x & 3]; } int g(int x) { external(x)",
			"1, 2, 3, 5 }; int f(int x) { return numbers[x & 3]; } int g(int x) { numbers[x & 3] = 8", pair{refused: []string{"data-changed"}, functions: []string{"f", "g"}, data: []string{"new:numbers"}}),
		edit("it is only read", written, "external(x); return 0", "external(x); return numbers[x & 1]", pair{functions: []string{"g"}}),
	} {
		t.Run(p.name, func(t *testing.T) { p.run(t) })
	}
}
