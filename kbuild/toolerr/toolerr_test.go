package toolerr

import "testing"

// The first error of the compiler or of the assembler, not what surrounds it.
func TestCompilerLine(t *testing.T) {
	for output, want := range map[string]string{
		"In file included from a.h:1:\nx.c:8:3: error: expected ';'\nx.c:9:1: error: more":            "x.c:8:3: error: expected ';'",
		"x.c:9:10: fatal error: none.h: No such file or directory":                                    "x.c:9:10: fatal error: none.h: No such file or directory",
		"{standard input}: Assembler messages:\n{standard input}:9: Error: file not found":            "{standard input}:9: Error: file not found",
		"x.c: Assembler messages:\nx.c:8: Fatal error: macros nested too deeply\nx.c:8:  Info: macro": "x.c:8: Fatal error: macros nested too deeply",
		"x.c:8: warning: Error: none": "",
		"gcc-12: exit status 1":       "",
	} {
		if got := CompilerLine([]byte(output)); got != want {
			t.Errorf("%q: %q, want %q", output, got, want)
		}
	}
}
