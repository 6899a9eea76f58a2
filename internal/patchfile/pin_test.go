package patchfile

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kintsugi/internal/command"
)

// compiler is the gcc of the machine; all that pinning rests on is its
// preprocessor, so a test without it would be worth nothing.
func compiler(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"gcc-12", "gcc"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("gcc is not installed")
	return ""
}

func toolOutput(err error) string {
	var e *command.Error
	if errors.As(err, &e) {
		return string(e.Output)
	}
	return ""
}

var marker = regexp.MustCompile(`\bL_(\d+)\s+(?:#[^\n]*\n)?\s*(\d+)\b`)

// numbers preprocesses a file and returns the line number of each marker.
func numbers(t *testing.T, file string, args ...string) map[int]int {
	t.Helper()
	cmd := &command.Cmd{Path: compiler(t), Args: append(args, "-std=gnu11", "-E", "-P", "-w", file)}
	out, err := cmd.Stdout(t.Context())
	if err != nil {
		t.Fatalf("%v\n%s", err, toolOutput(err))
	}
	found := map[int]int{}
	for _, m := range marker.FindAllStringSubmatch(string(out), -1) {
		mark, _ := strconv.Atoi(m[1])
		line, _ := strconv.Atoi(m[2])
		found[mark] = line
	}
	if len(found) == 0 {
		t.Fatal("no marker in the output")
	}
	return found
}

// TestPinKeepsLineNumbers edits random programs and asks gcc: with either
// branch of the conditionals compiled, an untouched line has its original
// number, the LineMap knows the number of every line, and no number is there
// twice. Lines of a call that grew are excused from the first and the last.
func TestPinKeepsLineNumbers(t *testing.T) {
	const programs = 300
	dir := t.TempDir()
	var all strings.Builder
	all.WriteString("#define CALL(x) x\n")
	var list []program
	for seed := range uint64(programs) {
		g := generate(rand.New(rand.NewPCG(seed, 1)), int(seed)*10000, 1+int(seed%4))
		original := texts(g.lines)
		e := g.edit(1 + int(seed%9))
		m := newLineMap(original, texts(e.lines), e.origin)
		p := program{e, m, pin(m, texts(e.lines))}
		checkDirectives(t, p)
		list = append(list, p)
		name := fmt.Sprintf("%d.c", seed)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(p.pinned), 0o666); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&all, "#include %q\n", name)
	}
	file := filepath.Join(dir, "all.c")
	if err := os.WriteFile(file, []byte(all.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, flag := range []string{"-DA", "-UA"} {
		found := numbers(t, file, flag)
		for seed, p := range list {
			if !checkNumbers(t, p.edited, p.m, found) {
				t.Fatalf("seed %d %s:\n%s", seed, flag, p.pinned)
			}
		}
	}
}

// program is a generated one after edits.
type program struct {
	*edited
	m      *LineMap
	pinned string
}

// checkDirectives insists that the pinned text is the program with line
// directives, none of them inside anything.
func checkDirectives(t *testing.T, e program) {
	t.Helper()
	at := 0
	for _, line := range splitLines(e.pinned) {
		switch {
		case at < len(e.lines) && line == e.lines[at].text+"\n":
			at++
		case !directive.MatchString(line):
			t.Fatalf("%q is neither a line of the program nor a directive", line)
		case at == len(e.lines) || e.lines[at].gap != between:
			t.Fatalf("%q stands inside of a statement, comment or macro:\n%s", line, e.pinned)
		}
	}
	if at != len(e.lines) {
		t.Fatalf("line %d of the program is missing", at+1)
	}
}

var directive = regexp.MustCompile(`^#line [1-9]\d*\n$`)

func checkNumbers(t *testing.T, e *edited, m *LineMap, found map[int]int) bool {
	taken := map[int]int{}
	for i, line := range e.lines {
		got, compiled := found[line.mark]
		if !compiled {
			continue
		}
		excused := e.touched[line.unit] || line.unit == -1
		if want := m.Original(i + 1); want != 0 && got != want && !excused {
			t.Errorf("L_%d: untouched line %d is reported as %d", line.mark, want, got)
		}
		if got != m.Reported(i+1) && !excused {
			t.Errorf("L_%d: reported as %d, expected %d", line.mark, got, m.Reported(i+1))
		}
		if other, twice := taken[got]; twice && !excused {
			t.Errorf("L_%d and L_%d are both reported as %d", other, line.mark, got)
		}
		if !excused {
			taken[got] = line.mark
		}
	}
	return !t.Failed()
}

func pinText(original, patched string, origin []int) (string, *LineMap) {
	m := newLineMap(splitLines(original), splitLines(patched), origin)
	return pin(m, splitLines(patched)), m
}

func TestPinPlaces(t *testing.T) {
	for _, test := range []struct {
		name, patched string
		origin        []int // 0 for new lines
		want          string
	}{
		{"unchanged", "a;\nb;\n", []int{1, 2}, "a;\nb;\n"},
		{"deleted", "a;\nc;\n", []int{1, 3}, "a;\n#line 3\nc;\n"},
		{"replaced", "a;\nB;\nc;\n", []int{1, 0, 3}, "a;\nB;\nc;\n"},
		{"comment", "a;\n/* new */\nb;\n", []int{1, 0, 2}, "a;\n/* new */\n#line 2\nb;\n"},
		{"code", "a;\nnew;\nb;\n", []int{1, 0, 2}, "a;\n#line 10002\nnew;\n#line 2\nb;\n"},
		{"one becomes two", "a;\nB(1,\n2);\nc;\n", []int{1, 0, 0, 3}, "a;\nB(1,\n2);\n#line 3\nc;\n"},
		{"at the end", "a;\nnew;\n", []int{1, 0}, "a;\n#line 10002\nnew;\n"},
		{"no newline", "new;\na;", []int{0, 1}, "#line 10001\nnew;\n#line 1\na;"},
		{"in a call", "f(a,\n new,\n b);\nc;\n", []int{1, 0, 2, 3}, "f(a,\n new,\n b);\n#line 3\nc;\n"},
		{"in a comment", "/*\nnew\n*/\na;\n", []int{1, 0, 2, 3}, "/*\nnew\n*/\n#line 3\na;\n"},
		{"in a macro", "#define X \\\n new \\\n a\nb;\n", []int{1, 0, 2, 3}, "#define X \\\n new \\\n a\n#line 3\nb;\n"},
		{"before arguments", "/**/\nx = X\n(1);\nb;\n", []int{0, 1, 2, 3}, "/**/\n#line 1\nx = X\n(1);\nb;\n"},
		{"between name and arguments", "x = X\n/**/\n(1);\nb;\n", []int{1, 0, 2, 3}, "x = X\n/**/\n(1);\n#line 3\nb;\n"},
		{"a cast", "x;\n/**/\n(void)a;\n", []int{1, 0, 2}, "x;\n/**/\n#line 2\n(void)a;\n"},
		{"continued", "a = \\\nnew \\ \nb;\nc;\n", []int{1, 0, 2, 3}, "a = \\\nnew \\ \nb;\n#line 3\nc;\n"},
		{"comment signs", "// ( /*\n/**/*p = 1; '('\n//\na;\n", []int{1, 2, 0, 3},
			"// ( /*\n/**/*p = 1; '('\n//\n#line 3\na;\n"},
		{"branch", "#if A\n/**/\na;\n#else\nb;\n#endif\nc;\nd;\n", []int{1, 0, 2, 3, 4, 5, 6, 7},
			"#if A\n/**/\n#line 2\na;\n#else\n#line 4\nb;\n#endif\n#line 6\nc;\nd;\n"},
		{"open branch", "#if A\nf(\n#else\na;\n#endif\n/**/\nb\n);\nc;\n", []int{1, 2, 3, 4, 5, 0, 6, 7, 8},
			"#if A\nf(\n#else\na;\n#endif\n/**/\nb\n);\n#line 8\nc;\n"},
		{"closing branch", "if (\n#if A\n/**/\na);\n#endif\nb);\nc;\n", []int{1, 2, 0, 3, 4, 5, 6},
			"if (\n#if A\n/**/\na);\n#endif\nb);\n#line 6\nc;\n"},
		{"before a branch", "/**/\na;\n#if A\nb;\n#endif\nc;\n", []int{0, 1, 2, 3, 4, 5},
			"/**/\n#line 1\na;\n#if A\nb;\n#endif\nc;\n"},
		{"unbalanced macro", "BEGIN(\n/**/\na;\n}\nb;\n", []int{1, 0, 2, 3, 4}, "BEGIN(\n/**/\na;\n}\n#line 4\nb;\n"},
		{"own numbers", "/**/\n#line 7\na;\n", []int{0, 1, 2}, "/**/\n#line 7\na;\n"},
		{"own marker", "/**/\n# 7 \"x.y\"\na;\n", []int{0, 1, 2}, "/**/\n# 7 \"x.y\"\na;\n"},
		{"digraph", "/**/\n%:line 7\na;\n", []int{0, 1, 2}, "/**/\n%:line 7\na;\n"},
		{"byte order mark", "\xef\xbb\xbf#define X (\nnew;\na;\n", []int{1, 0, 2},
			"\xef\xbb\xbf#define X (\n#line 10002\nnew;\n#line 2\na;\n"},
		{"at the byte order mark", "\xef\xbb\xbfa;\nb;\n", []int{2, 3}, "\xef\xbb\xbfa;\n#line 3\nb;\n"},
		{"empty", "", nil, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			last := 0
			for _, o := range test.origin {
				last = max(last, o)
			}
			original := make([]string, last)
			for i, line := range splitLines(test.patched) {
				if o := test.origin[i]; o != 0 {
					original[o-1] = line
				}
			}
			for i := range original {
				if original[i] == "" {
					original[i] = fmt.Sprintf("gone %d;\n", i)
				}
			}
			got, _ := pinText(strings.Join(original, ""), test.patched, test.origin)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestPinObject compiles what comments and blank lines must not change: line
// numbers in data, pasted into identifiers, and in the arguments of asm.
func TestPinObject(t *testing.T) {
	original := `#define PASTE_(a, b) a ## b
#define PASTE(a, b) PASTE_(a, b)
#define ONCE() static int PASTE(once_, __LINE__); if (!PASTE(once_, __LINE__)++) warn(__FILE__, __LINE__)
#define BUG() asm volatile(".pushsection bug,\"a\"; .word %c0; .popsection" : : "i" (__LINE__))
extern void warn(const char *, int);
int f(int a, int b)
{
	ONCE();
	BUG();
	if (a >
	    b) {
		ONCE();
	}
	ONCE();
	return a;
}
`
	old := splitLines(original)
	dir := t.TempDir()
	want := object(t, dir, original)
	for at := range old {
		var patched []string
		patched = append(append(append(patched, old[:at]...), "/* new */\n", "\n"), old[at:]...)
		origin := append(append(counting(at), 0, 0), counting(len(old))[at:]...)
		m := newLineMap(old, patched, origin)
		if got := object(t, dir, pin(m, patched)); got != want {
			t.Errorf("two lines before line %d change the object:\n%s", at+1, pin(m, patched))
		}
	}
	// New code: the identifiers pasted from its numbers must not collide.
	patched := strings.Replace(original, "\tBUG();\n", "\tONCE();\n\tONCE();\n\tONCE();\n\tBUG();\n", 1)
	got, m := pinText(original, patched, append(append(counting(8), 0, 0, 0), counting(16)[8:]...))
	if object(t, dir, got) == want {
		t.Error("new code is not in the object")
	}
	if line := m.Patched(10010); line != 10 {
		t.Errorf("number 10010 is line %d of the patched file, want 10", line)
	}
}

// object compiles text and returns its assembly.
func object(t *testing.T, dir, text string) string {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "x.c"), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	cmd := &command.Cmd{Dir: dir, Path: compiler(t), Args: []string{"-std=gnu11", "-O2", "-Wall", "-Werror", "-S", "-o",
		"-", "x.c"}}
	out, err := cmd.Stdout(t.Context())
	if err != nil {
		t.Fatalf("%v\n%s%s", err, toolOutput(err), text)
	}
	return string(out)
}

func TestLineMap(t *testing.T) {
	original := "a\nb\nc\nd\ne\n"
	patched := "a\nB\nnew\nc\ne\n"
	_, m := pinText(original, patched, []int{1, 0, 0, 3, 5})
	want := []Region{{2, 1, 2, 2}, {4, 1, 5, 0}}
	if diff := cmp.Diff(want, m.Regions()); diff != "" {
		t.Errorf("regions, -want +got:\n%s", diff)
	}
	for line, want := range []struct {
		original, reported int
		changed            bool
	}{{0, 0, false}, {1, 1, false}, {0, 2, true}, {0, 10003, true}, {3, 3, false}, {5, 5, false}, {0, 0, false}} {
		if got := m.Original(line); got != want.original {
			t.Errorf("line %d: original %d, want %d", line, got, want.original)
		}
		if got := m.Reported(line); got != want.reported {
			t.Errorf("line %d: reported %d, want %d", line, got, want.reported)
		}
		if got := m.Changed(line); got != want.changed {
			t.Errorf("line %d: changed %v, want %v", line, got, want.changed)
		}
		if want.reported != 0 && m.Patched(want.reported) != line {
			t.Errorf("reported %d: line %d, want %d", want.reported, m.Patched(want.reported), line)
		}
	}
	for line, want := range []bool{false, false, true, false, true, false, false} {
		if m.Removed(line) != want {
			t.Errorf("original line %d: removed %v, want %v", line, !want, want)
		}
	}
}

// TestRewrittenLines: lines that a hunk removes and adds again are no change.
func TestRewrittenLines(t *testing.T) {
	_, m := pinText("a\nb\nc\nd\n", "a\nb\nnew\nd\n", []int{0, 0, 0, 0})
	if diff := cmp.Diff([]Region{{3, 1, 3, 1}}, m.Regions()); diff != "" {
		t.Errorf("regions, -want +got:\n%s", diff)
	}
}

// TestBugTable: numbers of new lines stay within the 16 bits of a bug entry.
func TestBugTable(t *testing.T) {
	for _, n := range []int{10, 9999, 10000, 10001, 25000, 40000, 70000} {
		original := strings.Repeat("a;\n", n)
		patched := original + "new;\n"
		_, m := pinText(original, patched, append(counting(n), 0))
		got := m.Reported(n + 1)
		if n < 60000 && got > maxBugLine {
			t.Errorf("%d lines: the new one is reported as %d", n, got)
		}
		if got <= n {
			t.Errorf("%d lines: the new one is reported as %d, as another", n, got)
		}
	}
}

// Directives that a patch adds are counted on, so that they have numbers of
// the code after them; the compiler means the code.
func TestLinesOfDirectives(t *testing.T) {
	original := "int a;\nint f(void)\n{\n\treturn a;\n}\n"
	patched := "int a;\n#define NEW 1\n#define MORE 2\nint f(void)\n{\n\ta = NEW;\n\treturn a;\n}\n"
	_, m := pinText(original, patched, []int{1, 0, 0, 2, 3, 0, 4, 5})
	for reported, want := range map[int]int{1: 1, 2: 4, 3: 5, 10006: 6, 4: 7, 5: 8} {
		if got := m.Patched(reported); got != want {
			t.Errorf("reported %d: line %d, want %d", reported, got, want)
		}
	}
}
