package ctext

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const preprocessed = `# 1 "a.c"
struct s { int (*f)(void); char c; } __attribute__((packed));
static inline __attribute__((__gnu_inline__)) __attribute__((__unused__)) int unused(struct s *s)
{
 if (s->c == '}') return 1; /* none */
 return called("} ;{", s);
}
static inline int called(int a) { return a + 1; }
static __inline__ __attribute__((used)) int kept(void) { return 5; }
static inline typeof(sizeof(int)) odd(void) { return 1; }
static inline int middle(void);
static inline int middle(void) { return odd(); }
int table[] = { (1), 2 };
int f(void) { return called(table[0]); }
asm("call hidden");
static inline void hidden(void) { }
#pragma GCC diagnostic push
`

func TestDeclarations(t *testing.T) {
	var got []string
	for _, it := range declarations(withoutMarkers([]byte(preprocessed))) {
		line, _, _ := strings.Cut(it.text, "\n")
		got = append(got, it.inline+": "+line[:min(len(line), 24)])
	}
	want := []string{": struct s { int (*f)(void", "unused: static inline __attribut",
		"called: static inline int called(", ": static __inline__ __attr",
		"odd: static inline typeof(siz", "middle: static inline int middle(void);",
		"middle: static inline int middle(void) {", ": int table[] = { (1), 2 }", ": int f(void) { return ca",
		": asm(\"call hidden\");", "hidden: static inline void hidde", ": #pragma GCC diagnostic "}
	if len(got) != len(want) {
		t.Fatalf("%q", got)
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i][:min(len(want[i]), len(got[i])-1)]) {
			t.Errorf("item %d: %q, want %q", i, got[i], want[i])
		}
	}
}

func TestSameButUnused(t *testing.T) {
	for _, c := range []struct {
		from, to string
		want     bool
	}{
		{"return 1; /* none */", "return 2;", true},
		{"{ return odd(); }", "{ return odd() + 1; }", true},
		{"{ return 1; }", "{ return 3; }", true}, // reached only through another function that nothing calls
		{"return a + 1;", "return a + 2;", false},
		{"{ return 5; }", "{ return 6; }", false},
		{"hidden(void) { }", "hidden(void) { asm(\"nop\"); }", false},
		{"int table[] = { (1)", "int table[] = { (3)", false},
		{"char c;", "char c, d;", false},
		{"static inline void hidden", "static inline void fresh(void) { }\nstatic inline void hidden", true},
		{"return called(table[0]);", "return called(table[0]) + middle();", false},
		{"struct s {", "struct s{", false},
		{"\"} ;{\"", "R\"x(} ;{\n})\" )x\"", true},
	} {
		patched := strings.Replace(preprocessed, c.from, c.to, 1)
		if patched == preprocessed {
			t.Fatalf("%q is not in the text", c.from)
		}
		if got := SameButUnused([]byte(preprocessed), []byte(patched)); got != c.want {
			t.Errorf("%q: %v, want %v", c.to, got, c.want)
		}
	}
}

// FuzzSameButUnused checks that hostile text does not loop, and that no text differs from itself.
func FuzzSameButUnused(f *testing.F) {
	f.Add([]byte(preprocessed), []byte("int x;"))
	f.Add([]byte("static inline int f(\"{"), []byte("}}}((("))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		if SameButUnused(a, a) {
			t.Error("a text differs from itself")
		}
		if SameButUnused(a, b) != SameButUnused(b, a) {
			t.Error("the order of the texts matters")
		}
	})
}

// TestUnusedCompiles changes functions that count as unused, and requires the same object from the
// compiler.
func TestUnusedCompiles(t *testing.T) {
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("no gcc")
	}
	const text = "static inline int a(int x) { static int n; return n += x; }\nstatic inline int b(int x) { return " +
		"a(x) * 2; }\n" +
		"static inline int c(int x) { static int n; return n -= x; }\nint d(int x) { static int n; return c(x) + n++; }\n"
	object := func(text string) []byte {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "a.i"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(context.Background(), "gcc", "-O2", "-c", "-o", "a.o", "a.i")
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		data, err := os.ReadFile(filepath.Join(dir, "a.o"))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	patched := strings.Replace(text, "n += x", "n += x + 1", 1)
	if !SameButUnused([]byte(text), []byte(patched)) {
		t.Error("the functions count as used")
	}
	if !bytes.Equal(object(text), object(patched)) {
		t.Error("the compiler makes other code")
	}
}
