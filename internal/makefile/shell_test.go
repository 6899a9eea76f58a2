package makefile

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kintsugi/internal/command"
)

func TestSplitShell(t *testing.T) {
	for _, test := range []struct {
		line string
		want [][]string
	}{
		{"", nil},
		{" ; ;", nil},
		{"gcc  -c a.c\t", [][]string{{"gcc", "-c", "a.c"}}},
		{`gcc -DNAME='"proc"' ; ./objtool --orc a.o`, [][]string{{"gcc", `-DNAME="proc"`}, {"./objtool", "--orc", "a.o"}}},
		{`a 'b ; $c'"d \"e\" \n"\ f ''`, [][]string{{"a", `b ; $cd "e" \n f`, ""}}},
	} {
		got, err := SplitShell(test.line)
		if err != nil {
			t.Errorf("%q: %v", test.line, err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%q: %s", test.line, diff)
		}
	}
}

func TestSplitShellRefuses(t *testing.T) {
	for _, line := range []string{"'", `"a`, `a\`, "a $b", "a | b", "a && b", "a > b", "`a`", `"$a"`, "a*", "(a)"} {
		if got, err := SplitShell(line); err == nil {
			t.Errorf("%q is read as %q", line, got)
		}
	}
}

// FuzzSplitShell quotes words for a shell, and checks that splitting the line returns the same
// words.
func FuzzSplitShell(f *testing.F) {
	f.Add("gcc -DA='b' -c")
	f.Add(`a\ "b"`)
	f.Fuzz(func(t *testing.T, line string) {
		commands, err := SplitShell(line)
		if err != nil {
			return
		}
		var quoted []string
		for _, c := range commands {
			var words []string
			for _, w := range c {
				words = append(words, command.Quote(w))
			}
			quoted = append(quoted, strings.Join(words, " "))
		}
		again, err := SplitShell(strings.Join(quoted, ";"))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(commands, again); diff != "" {
			t.Error(diff)
		}
	})
}
