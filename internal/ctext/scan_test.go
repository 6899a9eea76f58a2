package ctext

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tokens lists the tokens of text, each with a letter for its kind. "^" marks the first token of a
// logical line.
func tokens(text string) []string {
	var list []string
	s := NewScanner(text)
	for t, ok := s.Next(); ok; t, ok = s.Next() {
		first := ""
		if t.First {
			first = "^"
		}
		list = append(list, first+string("wlpn"[t.Kind])+" "+s.Text(t))
	}
	return list
}

func TestScanner(t *testing.T) {
	for text, want := range map[string][]string{
		"":                         nil,
		"a1 + 2":                   {"^w a1", "p +", "w 2"},
		"a/*b\n*/c\nd":             {"^w a", "w c", "n \n", "^w d"},
		"a//b\\\nc\nd":             {"^w a", "n \n", "^w d"},
		"a/\\\n*b*\\\n/c":          {"^w a", "w c"},
		"a/*b":                     {"^w a"},
		"a / b":                    {"^w a", "p /", "w b"},
		"fo\\\no\\ \nx #":          {"^w foox", "p #"},
		" /* */ # define":          {"^p #", "w define"},
		`"a\"b" 'c\'' L"d"`:        {`^l "a\"b"`, `l 'c\''`, "w L", `l "d"`},
		"\"a\\\nb\" c":             {"^l \"a\\\nb\"", "w c"},
		"\"a\nb":                   {"^l \"a", "n \n", "^w b"},
		"\"a\\\\\" b":              {`^l "a\\"`, "w b"},
		`R"x(a)" )x" b`:            {"^w R", `l "x(a)" )x"`, "w b"},
		"R\\\n\"(\n)\" b":          {"^w R", "l \"(\n)\"", "w b"},
		`R "(a" b`:                 {"^w R", `l "(a"`, "w b"},
		`R"a b(" c`:                {"^w R", `l "a b("`, "w c"},
		"R'(' a":                   {"^w R", "l '('", "w a"},
		byteOrderMark + "a":        {"^w a"},
		"é $x":                     {"^w é", "w $x"},
		"#if\\\n x\n":              {"^p #", "w if", "w x", "n \n"},
		"\\":                       {"^p \\"},
		"x\x00y":                   {"^w x", "w y"},
		`u8R"(\` + "\n" + `)" end`: {"^w u8R", "l \"(\\\n)\"", "w end"},
	} {
		if diff := cmp.Diff(want, tokens(text)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

// FuzzScanner checks that tokens are in order, and that each newline is in a token, a splice or a
// comment.
func FuzzScanner(f *testing.F) {
	f.Add("a/*\n*/ \"\\\n\" R\"(\n)\" // b\\\nc\n#if x\\\n y\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, at := NewScanner(text), 0
		for token, ok := s.Next(); ok; token, ok = s.Next() {
			if token.Pos < at || token.End <= token.Pos || token.End > len(text) {
				t.Fatalf("token %+v after %d", token, at)
			}
			skipped := text[at:token.Pos]
			if strings.Contains(skipped, "\n") && !strings.ContainsAny(skipped, "/\\") {
				t.Errorf("%q is skipped", skipped)
			}
			at = token.End
		}
		lines, _ := Lines(text)
		n := strings.Count(text, "\n")
		if text != "" && !strings.HasSuffix(text, "\n") {
			n++
		}
		if len(lines) != n {
			t.Errorf("%d of %d lines are described", len(lines), n)
		}
	})
}

// TestLines marks lines before which a directive may be inserted with ">", and lines of code with
// "c".
func TestLines(t *testing.T) {
	const text = `>c int a;
> /* two
  lines */
>c f(b,
 c c);
> #define x \
  y
> 
>c s = "one \
 c two";
>c t = R"(
 c raw )";
>c name
 c (args);
>c {
>c (void)x; }
`
	var plain []string
	want := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i, line := range want {
		want[i] = (line + "  ")[:2]
		plain = append(plain, strings.TrimPrefix(strings.TrimPrefix(line, want[i]), " "))
	}
	lines, ok := Lines(strings.Join(plain, "\n") + "\n")
	if !ok || len(lines) != len(want) {
		t.Fatalf("%d lines, %v", len(lines), ok)
	}
	for i, l := range lines {
		got := []byte("  ")
		if l.Safe {
			got[0] = '>'
		}
		if l.Code {
			got[1] = 'c'
		}
		if string(got) != want[i] {
			t.Errorf("line %d, %q: %q, want %q", i+1, plain[i], got, want[i])
		}
	}
	if _, ok := Lines("#line 5\n"); ok {
		t.Error("a text with line numbers of its own is accepted")
	}
	if _, ok := Lines("#define line 5\n"); !ok {
		t.Error("a text without line numbers of its own is not accepted")
	}
}
