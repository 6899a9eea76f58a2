package patchfile

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const defining = `#include <linux/fs.h>
#define CALL(x) \
	int x
/* A comment
 * int f(int x);
 */
// another
int first(struct file *f,
	  int n)
{
	int local = 1;
	return local;
}
EXPORT_SYMBOL(first);
static int second(int n)
{
	return n;
}
static inline
int third(int n) { return n; }
int fourth(int n) { return n; }
__printf(1, 2)
int fifth(const char *f, ...)
{}

extern int sixth(int n,
		 int m);
int seventh;
int eighth[] = {
	1, 2,
};
typedef int (*call_t)(int,
		      long);
int declared(int n);
static struct outer table = {
	.one = 1,
};
long last(void) {
	return 1;
}
`

func TestDefinitions(t *testing.T) {
	header := []string{"#include <linux/fs.h>", "int first(struct file *f, int n) {", "int fourth(int n) {",
		"__printf(1, 2) int fifth(const char *f, ...) {", "int eighth[] = {", "typedef int (*call_t)(int, long);",
		"long last(void) {"}
	if d := cmp.Diff(header, definitions(defining, false)); d != "" {
		t.Errorf("in a header (-want +got):\n%s", d)
	}
	source := []string{"#include <linux/fs.h>", "int first(struct file *f, int n) {", "EXPORT_SYMBOL(first);",
		"int fourth(int n) {",
		"__printf(1, 2) int fifth(const char *f, ...) {", "int seventh;", "int eighth[] = {",
		"typedef int (*call_t)(int, long);", "int declared(int n);", "long last(void) {"}
	if d := cmp.Diff(source, definitions(defining, true)); d != "" {
		t.Errorf("in a C file (-want +got):\n%s", d)
	}
}

func TestMayChangePrototypes(t *testing.T) {
	for _, c := range []struct {
		name, old, new string
		want           bool
	}{
		{"a body", "return local;", "return local + 1;", false},
		{"a comment", "A comment", "Another comment", false},
		{"a function moved on", "/* A comment", "\n\n/* A comment", false},
		{"a parameter on a line of its own", "\t  int n)\n{\n\tint", "\t  int n,\n\t  int more)\n{\n\tint", true},
		{"a return type", "long last", "int last", true},
		{"a variable", "int seventh;", "long seventh;", true},
		{"a typedef on its second line", "      long);", "      int);", true},
		{"a static function", "static int second(int n)", "static int second(long n)", false},
		{"a new global function", "int seventh;", "int seventh;\nint fresh(int n)\n{\n\treturn n;\n}", false},
		{"a new include", "#include <linux/fs.h>", "#include <linux/fs.h>\n#include <linux/mm.h>", false},
		{"another include", "#include <linux/fs.h>", "#include <linux/mm.h>", true},
		{"a macro", "#define CALL(x)", "#define CALL(x, y)", true},
	} {
		patched := strings.Replace(defining, c.old, c.new, 1)
		if patched == defining {
			t.Fatalf("%s: nothing changes", c.name)
		}
		change := &Change{Path: "fs/a.c", Original: []byte(defining), Patched: []byte(patched),
			Lines: oneRegion(defining, patched)}
		if got := change.MayChangePrototypes(); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	if (&Change{Path: "fs/new.c", Patched: []byte(defining)}).MayChangePrototypes() {
		t.Error("a new file has no exports yet")
	}
}

// oneRegion is the map of a change between the first and the last line that differ.
func oneRegion(old, new string) *LineMap {
	a, b := strings.Split(old, "\n"), strings.Split(new, "\n")
	start := 0
	for start < min(len(a), len(b)) && a[start] == b[start] {
		start++
	}
	for len(a) > start && len(b) > start && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	return &LineMap{regions: []Region{{start + 1, len(a) - start, start + 1, len(b) - start}}}
}
