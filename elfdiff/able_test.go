package elfdiff_test

import (
	"strings"
	"testing"

	"kintsugi/internal/extract"
	"kintsugi/internal/objmodel"
)

// TestAble has changes that tools of this kind refuse although a module can contain them.
func TestAble(t *testing.T) {
	placed := `#define __sched __attribute__((section(".sched.text")))
int noinline __sched one(int x) { return external(x); } int __sched two(int x) { return external(x + 1) - one(x); } int __attribute__((section(".ref.text"))) three(int x) { return external(x + 2); }
int __attribute__((section(".cpuidle.text"))) four(int x) { return external(x + 5); }`
	init := `int f(int x) { return external(x); } noinline int __init first(int x) { return external(x + 1); } int __init second(int x) { return external(x + 2) + first(x); }`
	message := `struct ack { const char *msg; }; #define NL_SET_ERR_MSG(a, text) do { static const char __msg[] = text; (a)->msg = __msg; } while (0)
int f(struct ack *a, int x) { if (x) NL_SET_ERR_MSG(a, "first"); else NL_SET_ERR_MSG(a, "second"); return external(x); } int g(struct ack *a) { NL_SET_ERR_MSG(a, "third"); return 1; }`
	message = strings.Replace(message, "; #define", ";\n#define", 1)
	tuned := `#define __read_mostly __attribute__((section(".data..read_mostly")))
static int __read_mostly old = 4; void set(int x) { old = x; } int f(int x) { return external(x + old); }`
	alternative := `#define ALT_CODE(new) asm volatile("661: nop; nop; nop; nop; nop\n662:\n.pushsection .altinstructions,\"a\"\n.long 661b - .\n.long 663f - .\n.word 7\n.byte 662b-661b\n.byte 664f-663f\n.popsection\n.pushsection .altinstr_replacement,\"ax\"\n663: " new "\n664:\n.popsection" ::: "memory")
int f(int x) { ALT_CODE("pause; nop"); return external(x); } int g(int x) { ALT_CODE("pause; nop"); return external(x + 1); }`
	called := strings.Replace(alternative, `int g(int x) { ALT_CODE("pause; nop");`,
		`int fixup(void); int fixed(void); int g(int x) { ALT_CODE("call fixup");`, 1)
	helper := `static notrace noinline int check(int x) { return external(x) > 3; } int f(int x) { return check(x); } int g(int x) { return check(x + 1) + 1; } int h(int x) { return external(x); }`
	for _, p := range []pair{
		edit("specially placed text", placed, "external(x);", "external(x + 3);", pair{functions: []string{"one"}}),
		edit("text of two places", placed, "external(x + 2)", "external(x + 4)", pair{functions: []string{"three"}}),
		edit("text of the idle loop", placed, "external(x + 5)", "external(x + 6)", pair{functions: []string{"four"}}),
		edit("beside init code that grew", init, "int f(int x) { return external(x);",
			"int f(int x) { return external(x + 7);", pair{functions: []string{"f"}}),
		edit("init code that grew before other init code", init, "return external(x + 1);",
			"printk(\"more\"); return external(x + 1) * external(x);", pair{refused: []string{"init-code"}}),
		edit("lock classes of a kernel without lockdep",
			`struct lock_class {}; void start(int *lock, struct lock_class *); int f(int *x) { { static struct lock_class __key; start(x, &__key); } external(2); { static struct lock_class __key; start(x + 1, &__key); } return external(1); }`,
			"external(2);", "{ static struct lock_class __key; start(x + 2, &__key); }",
			pair{functions: []string{"f"}, data: []string{"new:__key"}}),
		edit("another limit of messages",
			`struct limit { int lock, burst; }; int ___ratelimit(struct limit *); int f(int x) { static struct limit _rs = { 3, 10 }; if (___ratelimit(&_rs)) printk("%d", x); return external(x); }`,
			"10 }", "5 }", pair{functions: []string{"f"}, data: []string{"new:_rs"}}),
		edit("a table of devices that code reads",
			`static const int ids[4] = { 1, 2, 3, 4 }; extern const int __mod_pci__ids_device_table[4] __attribute__((unused, alias("ids"))); int f(int x) { return ids[x] + external(x); }`,
			"3, 4", "3, 5", pair{functions: []string{"f"}, data: []string{"changed:ids"}}),
		edit("a constant message that changed", message, `"first"`, `"another"`,
			pair{functions: []string{"f"}, data: []string{"changed:__msg"}, refused: []string{"constant-kept"}}),
		edit("a constant message that came", message, `return 1;`,
			`if (external(1)) NL_SET_ERR_MSG(a, "fourth"); return 1;`,
			pair{functions: []string{"g"}, data: []string{"new:__msg"}}),
		edit("a constant message that went", message, `NL_SET_ERR_MSG(a, "third");`, ``, pair{functions: []string{"g"}}),
		edit("a new variable beside one in a special section", tuned, "int f(int x) { return external(x + old);",
			"static int __read_mostly fresh = 5; void tune(int x) { fresh = x; } int f(int x) { return external(x + old + "+
				"fresh);",
			pair{functions: []string{"+tune", "f"}, data: []string{"new:fresh"}}),
		edit("only the replacement of an alternative", alternative, `int f(int x) { ALT_CODE("pause; nop");`,
			`int f(int x) { ALT_CODE("nop; pause");`, pair{functions: []string{"f"}}),
		edit("only the callee of an alternative", called, `"call fixup"`, `"call fixed"`, pair{functions: []string{"g"}}),
		edit("a helper out of line without an ftrace site", helper, "> 3", "> 4",
			pair{functions: []string{"f", "g", "~check"}}),
	} {
		t.Run(p.name, func(t *testing.T) { p.run(t) })
	}
}

// TestSharedSection has functions of one section that branch to each other. The assembler emits no
// relocations for such branches.
func TestSharedSection(t *testing.T) {
	source := `#define __sched __attribute__((section(".sched.text")))
static noinline int __sched try(int x) { return external(x) + 1; }
static noinline int __sched pad(int x) { return external(x) * external(x + 1) * external(x + 2) * external(x + 3) * external(x + 4); }
int noinline __sched lock(int x) { external(x); return try(x) + pad(x); } int noinline __sched unlock(int x) { return lock(x) + 2 + try(x); }`
	edit("", source, "external(x + 4)", "external(x + 4) * external(x + 5)", pair{functions: []string{"pad"}}).run(t)
	edit("", source, "return lock(x) + 2", "return lock(x) + 3", pair{functions: []string{"unlock"}}).run(t)
	orig, patched := swap(source, "return lock(x) + 2", "return lock(x) + 3")
	r := diffSources(t, orig, patched)
	x, err := extract.Cut(r, extract.Options{Prefix: "klp_"})
	if err != nil {
		t.Fatal(err)
	}
	outside := map[string]bool{}
	for _, e := range x.Externals {
		outside[e.Name] = true
	}
	if !outside["lock"] || !outside["try"] {
		t.Errorf("the calls inside the section are not references: %v", outside)
	}
	if names, err := objmodel.StrayBranches(x.File); err != nil || len(names) > 0 {
		t.Errorf("stray branches: %v, %v", names, err)
	}
}
