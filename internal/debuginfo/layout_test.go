package debuginfo_test

import (
	"fmt"
	"strings"
	"testing"

	"kintsugi/internal/debuginfo"
	"kintsugi/internal/testobj"
)

// TestLayouts has types whose layout changes, and types whose layout does not.
func TestLayouts(t *testing.T) {
	source := `typedef int typedef_int; struct inner { int one; short two; }; typedef struct { long count; } counter_t; enum { ROOM = 4 };
struct outer { struct inner first; union { int number; char *text; }; struct { int low, high; } range[ROOM];
	unsigned flag : 1; unsigned more : 2; counter_t uses; };
union either { int one; long two; }; struct calls { int (*run)(int); };
int f(struct outer *o, union either *e, struct calls *c) { struct local { int one; } l = { o->first.one };
	return external(o->range[1].low + o->flag + e->one + l.one + o->uses.count + c->run(1)); }`
	for _, c := range []struct{ name, old, new, want string }{
		{"nothing", "external(o", "external(1 + o", ""},
		{"a larger type", "short two;", "short two; long three;",
			"struct inner: its size changes from 8 to 16 bytes; struct outer: its size changes from 64 to 72 bytes"},
		{"a member in a gap", "short two;", "short two, three;", "struct inner: it has the new member three"},
		{"members that changed places", "int one; short two; }", "short two; int one; }",
			"struct inner: its member two moves from offset 4 to 0"},
		{"a member taken away", "int number; char", "char", "struct outer: it no longer has the member number"},
		{"a member renamed", "int number;", "int digit;", "struct outer: it has the new member digit"},
		{"in a type without a name", "int low, high;", "int high, low;",
			"struct outer: its member range.high moves from offset 20 to 16"},
		{"a longer array", "ROOM = 4", "ROOM = 6", "struct outer: its size changes from 64 to 80 bytes"},
		{"bits", "unsigned flag : 1; unsigned more : 2;", "unsigned more : 2; unsigned flag : 1;",
			"struct outer: its member more moves to other bits"},
		{"a type that has a name through typedef", "long count;", "long count, most;",
			"counter_t: its size changes from 8 to 16 bytes; struct outer: its size changes from 64 to 72 bytes"},
		{"a member of another sign", "int one; short two; }", "int one; unsigned short two; }",
			"struct inner: its member two changes from short to unsigned short"},
		{"a member that points at something else", "char *text", "long *text",
			"struct outer: its member text changes from char * to long *"},
		{"a member with another name of its type", "int one; short two; }", "typedef_int one; short two; }", ""},
		{"a function with another parameter", "int (*run)(int);", "int (*run)(long);",
			"struct calls: its member run changes from int (*)(int) to int (*)(long)"},
		{"a const member", "int one; short two; }", "const int one; short two; }", ""},
		{"a wider bit field", "unsigned flag : 1; unsigned more : 2;", "unsigned flag : 1; unsigned more : 3;",
			"struct outer: its member more changes from 2 to 3 bits"},
		{"a new type", "union either {", "struct fresh { int one; }; union either { struct fresh *three;",
			"union either: it has the new member three"},
		{"a type of one function", "struct local { int one; }", "struct local { int one, two; }", ""},
	} {
		orig, patched := testobj.Swap(source, c.old, c.new)
		for _, flag := range []string{"-gdwarf-5", "-gdwarf-4"} {
			changes, err := debuginfo.ChangedLayouts(testobj.Build(t, orig, flag), testobj.Build(t, patched, flag))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, l := range changes {
				got = append(got, fmt.Sprintf("%s: %s", l.Type, l.Detail))
			}
			if text := strings.Join(got, "; "); text != c.want {
				t.Errorf("%s (%s):\ngot  %s\nwant %s", c.name, flag, text, c.want)
			}
		}
	}
}

// TestLayoutsUnknown has objects without debug info.
func TestLayoutsUnknown(t *testing.T) {
	for _, flag := range []string{"-g0", "-g1"} {
		changes, err := debuginfo.ChangedLayouts(testobj.Build(t,
			`struct s { int a; }; int f(struct s *s) { return external(s->a); }`, flag),
			testobj.Build(t, `struct s { int b, a; }; int f(struct s *s) { return external(s->a); }`, flag))
		if err != nil || len(changes) > 0 {
			t.Errorf("%s: %v, %v", flag, changes, err)
		}
	}
}
