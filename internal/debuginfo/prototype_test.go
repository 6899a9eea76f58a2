package debuginfo_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"kintsugi/internal/debuginfo"
	"kintsugi/internal/elfobj"
	"kintsugi/internal/testobj"
)

const prototypes = `
struct dentry; struct inner { int one; };
enum mode { MODE_A, MODE_B = 4 };
typedef unsigned short width_t; typedef struct { int id; } owner_t; typedef int (*actor_t)(void *, u32);
struct cycle { struct cycle *next; int (*call)(struct cycle *); };
extern int limits[];
int callee(int a, struct dentry *d);
int lookup(struct dentry *d, const char *name, unsigned int flags) { return name[0] + flags + callee(1, d); }
long by_enum(enum mode m, struct cycle *c) { return m; }
width_t by_typedef(width_t w, owner_t o) { return w + o.id; }
int by_call(actor_t actor, int (*other)(struct inner *, long)) { return actor(0, 1); }
void by_value(struct inner i, bool yes) { external(i.one + yes); }
int printed(const char *fmt, ...) { return fmt[0]; }
int inlined(int q) { return q + 3; }
int caller(int z) { return inlined(z); }
int aliased(int a) { return external(a); }
int alias(int a) __attribute__((alias("aliased")));
int counter = 1; int limits[4] = { 1 }; static int hidden(long x) { return external(x); } int (*hook)(int) = 0;
int common;
`

// compilers compile the objects of these tests, each with another version of DWARF.
var compilers = [][]string{{"gcc", "-gdwarf-5"}, {"clang-16", "-gdwarf-4"}}

func compile(t *testing.T, compiler []string, source string) *elfobj.File {
	return testobj.BuildWith(t, compiler[0], source,
		append([]string{"-O2", "-std=gnu11", "-ffreestanding", "-fcommon", "-w", "-g2"}, compiler[1:]...))
}

// changed returns the differences between the prototypes of two objects.
func changed(t *testing.T, orig, patched *elfobj.File) string {
	t.Helper()
	changes, err := debuginfo.ChangedPrototypes(orig, patched, func(name string) bool { return name != "callee" })
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, c := range changes {
		list = append(list, fmt.Sprintf("%s: %s", c.Name, c.Detail))
	}
	return strings.Join(list, "; ")
}

// TestPrototypes changes types that callers depend on.
func TestPrototypes(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"another type of parameter", "unsigned int flags)", "unsigned long flags)",
			"lookup: parameter 3: from unsigned int to unsigned long"},
		{"another sign", "unsigned int flags)", "int flags)", "lookup: parameter 3: from unsigned int to int"},
		{"parameters that changed places", "const char *name, unsigned int flags", "unsigned int flags, const char *name",
			"lookup: parameter 2: from const char * to unsigned int"},
		{"a parameter more", "unsigned int flags)", "unsigned int flags, int more)", "lookup: 4 parameters, not 3"},
		{"a parameter less", "enum mode m, struct cycle *c)", "enum mode m)", "by_enum: 1 parameters, not 2"},
		{"another pointer", "struct cycle *c)", "struct inner *c)",
			"by_enum: parameter 2: from struct cycle to struct inner"},
		{"another return type", "long by_enum(", "int by_enum(", "by_enum: return value: from long to int"},
		{"nothing returned", "int aliased(int a) { return", "void aliased(int a) {",
			"aliased: return value: from int to void; alias: return value: from int to void"},
		{"a value of an enum", "MODE_B = 4", "MODE_B = 5", "by_enum: parameter 1: enum mode: MODE_B changes from 4 to 5"},
		{"a value before others", "MODE_A,", "MODE_NONE, MODE_A,",
			"by_enum: parameter 1: enum mode: MODE_A changes from 0 to 1"},
		{"a value taken away", "MODE_A, MODE_B = 4", "MODE_B = 4",
			"by_enum: parameter 1: enum mode: it no longer has MODE_A (0)"},
		{"a typedef of another type", "unsigned short width_t", "unsigned int width_t",
			"by_typedef: parameter 1: from width_t (unsigned short) to width_t (unsigned int)"},
		{"a struct without a name", "typedef struct { int id; } owner_t", "typedef struct { long id; } owner_t",
			"by_typedef: parameter 2: from owner_t (struct {...}) to owner_t (struct {...})"},
		{"in a struct without a name", "typedef struct { int id; } owner_t", "typedef struct { unsigned id; } owner_t",
			"by_typedef: parameter 2: owner_t: member id: from int to unsigned int"},
		{"a callback by typedef", "(*actor_t)(void *, u32)", "(*actor_t)(void *, u64)",
			"by_call: parameter 1: actor_t: parameter 2: from u32 to u64"},
		{"a callback", "(*other)(struct inner *, long)", "(*other)(struct inner *, int)",
			"by_call: parameter 2: parameter 2: from long to int"},
		{"a bool", "bool yes", "char yes", "by_value: parameter 2: from bool to char"},
		{"no variable parameters", "const char *fmt, ...)", "const char *fmt)", "printed: 1 parameters, not 2"},
		{"a function that is inlined", "int inlined(int q) {", "int inlined(long q) {",
			"inlined: parameter 1: from int to long"},
		{"a variable", "int counter = 1", "long counter = 1", "counter: from int to long"},
		{"a longer array", "int limits[4]", "int limits[5]", "limits: from int[4] to int[5]"},
		{"a function pointer", "int (*hook)(int)", "int (*hook)(long)", "hook: parameter 1: from int to long"},
		{"a variable that becomes a function", "int counter = 1;", "int counter(void) { return 1; }",
			"counter: from a variable to a function"},
		{"a common symbol", "int common;", "char common;", "common: from int to char"},
	} {
		_, patched := testobj.Swap(prototypes, c.old, c.new)
		checkPrototypes(t, c.name, patched, c.want)
	}
}

// originals are the original objects by compiler.
var originals = map[string]*elfobj.File{}

// checkPrototypes compiles the patched source with each compiler. It uses only the first compiler
// if no difference is wanted.
func checkPrototypes(t *testing.T, name, patched, want string) {
	t.Helper()
	for i, compiler := range compilers {
		if i > 0 && want == "" {
			break
		}
		t.Run(name+" "+compiler[0], func(t *testing.T) {
			if originals[compiler[0]] == nil {
				originals[compiler[0]] = compile(t, compiler, prototypes)
			}
			if got := changed(t, originals[compiler[0]], compile(t, compiler, patched)); got != want {
				t.Errorf("\ngot  %s\nwant %s", got, want)
			}
		})
	}
}

// TestSamePrototypes changes details that callers do not depend on.
func TestSamePrototypes(t *testing.T) {
	for _, c := range []struct{ name, old, new string }{
		{"a body", "return name[0]", "return 7 + name[0]"},
		{"the name of a parameter", "unsigned int flags) { return name[0] + flags",
			"unsigned int bits) { return name[0] + bits"},
		{"a comment", "int caller(", "/* calls it */ int caller("},
		{"const", "const char *name", "char *name"},
		{"an array as a parameter", "const char *name", "const char name[16]"},
		{"a typedef", "unsigned int flags)", "u32 flags)"},
		{"a typedef of the same type", "unsigned short width_t", "u16 width_t"},
		{"a constant of an enum added", "MODE_B = 4", "MODE_B = 4, MODE_C"},
		{"a constant of an enum renamed", "MODE_A,", "MODE_FIRST,"},
		{"the number that an enum is", "enum mode m,", "unsigned int m,"},
		{"what is in a struct with a name", "struct inner { int one; }", "struct inner { int one, two; }"},
		{"a static function", "static int hidden(long x)", "static int hidden(int x)"},
		{"a function that is new", "int common;", "int common; int further(long x) { return x; }"},
		{"a function that is gone", "int caller(int z) { return inlined(z); }", ""},
		{"what is not wanted", "int callee(int a, struct dentry *d);", "int callee(long a, struct dentry *d);"},
	} {
		_, patched := testobj.Swap(prototypes, c.old, c.new)
		checkPrototypes(t, c.name, patched, "")
	}
	for _, names := range [][2]string{{"width_t", "breadth_t"}, {"struct inner", "struct core"},
		{"enum mode", "enum way"}} {
		checkPrototypes(t, names[0]+" renamed", strings.ReplaceAll(prototypes, names[0], names[1]), "")
	}
}

// TestPrototypeOfAlias has a name for which gcc emits no debug info.
func TestPrototypeOfAlias(t *testing.T) {
	patched := strings.ReplaceAll(prototypes, "int aliased(int a)", "int aliased(int a, int b)")
	patched = strings.ReplaceAll(patched, "int alias(int a)", "int alias(int a, int b)")
	checkPrototypes(t, "alias", patched, "aliased: 2 parameters, not 1; alias: 2 parameters, not 1")
}

// TestPrototypeText checks prototypes as messages show them.
func TestPrototypeText(t *testing.T) {
	source := `struct a; typedef struct { int v; } v_t;
void f(struct a *a, const char *const *list, int (*call)(void *, ...), int (*grid)[4], v_t v, long long unsigned n) { external(n); }
int (*table[3])(int); struct a *(*maker(void))(u32) { return 0; } const char *const text = "";`
	old := []string{"gcc", "-gdwarf-4"}
	_, patched := testobj.Swap(source, "void f(struct a *a", "void f(struct a *a, bool b")
	patched = strings.NewReplacer("table[3]", "table[2]", "maker(void)", "maker(char c)", "*const text", "*const *text").
		Replace(patched)
	changes, err := debuginfo.ChangedPrototypes(compile(t, old, source), compile(t, old, patched),
		func(string) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, c := range changes {
		got[c.Name] = c.Old
	}
	for name, want := range map[string]string{
		"f":     "void f(struct a *, const char *const *, int (*)(void *, ...), int (*)[4], v_t, unsigned long long)",
		"table": "int (*table[3])(int)",
		"maker": "struct a *(*maker(void))(u32)",
		"text":  "const char *const text",
	} {
		if got[name] != want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got[name], want)
		}
	}
}

// TestPrototypesUnknown has objects without debug info.
func TestPrototypesUnknown(t *testing.T) {
	for _, flag := range []string{"-g0", "-g1"} {
		changes, err := debuginfo.ChangedPrototypes(testobj.Build(t, "int f(int a) { return a; }", flag),
			testobj.Build(t, "int f(long a) { return a; }", flag), func(string) bool { return true })
		if err != nil || len(changes) > 0 {
			t.Errorf("%s: %v, %v", flag, changes, err)
		}
	}
}

// TestPrototypesDamaged has debug info that no compiler emits.
func TestPrototypesDamaged(t *testing.T) {
	orig := compile(t, compilers[0], prototypes)
	damaged := compile(t, compilers[0], prototypes)
	random := rand.New(rand.NewPCG(1, 2))
	var failed, different int
	for range 300 {
		for _, name := range []string{".debug_info", ".debug_abbrev"} {
			section := damaged.Section(name)
			section.Data = slices.Clone(orig.Section(name).Data)
			for range 1 + random.IntN(4) {
				section.Data[random.IntN(len(section.Data))] = byte(random.Uint32())
			}
		}
		changes, err := debuginfo.ChangedPrototypes(orig, damaged, func(string) bool { return true })
		if err != nil {
			failed++
		}
		different += len(changes)
		layouts, _ := debuginfo.ChangedLayouts(orig, damaged)
		different += len(layouts)
	}
	if failed == 0 || different == 0 {
		t.Errorf("%d of 300 objects were refused and %d names differ: the damage has no effect", failed, different)
	}
}

// TestSelfTypedef has a source that adds debug info of its own: a typedef of itself.
func TestSelfTypedef(t *testing.T) {
	const source = `typedef int number; number x = 1; asm(".pushsection .debug_info\n.long 2f-1f\n1: .short 4\n.long .Lmine\n"
".byte 8, 1\n.asciz \"u\"\n3: .byte 2\n.asciz \"self\"\n.long 3b-1b+4\n.byte 0\n2:\n.popsection\n"
".pushsection .debug_abbrev\n.Lmine: .byte 1,0x11,1,3,8,0,0, 2,0x16,0,3,8,0x49,0x13,0,0, 0\n.popsection");`
	o := compile(t, []string{"gcc", "-gdwarf-4"}, source)
	if changes, err := debuginfo.ChangedLayouts(o, o); err != nil || len(changes) > 0 {
		t.Errorf("layouts: %v, %v", changes, err)
	}
	all := func(string) bool { return true }
	if changes, err := debuginfo.ChangedPrototypes(o, o, all); err != nil || len(changes) > 0 {
		t.Errorf("prototypes: %v, %v", changes, err)
	}
}
