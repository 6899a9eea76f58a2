package elfdiff_test

import (
	"strings"
	"testing"
)

// TestRenamedState has variables whose state must stay with the patched code, and for each a
// similar change that loses the state.
func TestRenamedState(t *testing.T) {
	list := `struct head { struct head *next, *prev; }; static struct head all = { &all, &all };
int add(struct head *h) { h->next = all.next; all.next = h; return external(1); } int empty(void) { return all.next == &all; }`
	renamed := strings.ReplaceAll(list, "all", "known")
	counter := `static int count = 3; int f(int x) { count += x; return external(count); } int g(int x) { return external(x) ^ count; }`
	local := `int f(int x) { static int calls; calls += x; return external(calls); }`
	global := strings.Replace(counter, "static ", "", 1)
	perCPU := strings.Replace(counter, "static int", `static __attribute__((section(".data..percpu"))) int`, 1)
	key := `static struct static_key fast = { 1 }; int f(int x) { if (static_branch(&fast)) return 3; return external(x); } void set(int x) { fast.enabled = x; }`
	lock := `struct lock { int held; long waits[3]; }; static struct lock mine; void lock(struct lock *); void unlock(struct lock *);
int f(int x) { lock(&mine); external(x); unlock(&mine); return 1; } int g(int x) { lock(&mine); external(x + 9); unlock(&mine); return 2; }`
	note := []string{"variable-renamed"}
	consent := []string{"state-dropped"}
	for _, p := range []pair{
		{name: "a list renamed", orig: list, patched: renamed},
		{name: "a list renamed and code changed", orig: list, patched: strings.Replace(renamed, "external(1)", "external(2)", 1),
			functions: []string{"add"}, refused: note},
		{name: "a list renamed in one of its functions", orig: list,
			patched:   strings.Replace(strings.Replace(renamed, "known.next == &known", "1", 1), "external(1)", "external(2)", 1),
			functions: []string{"add", "empty"}, data: []string{"new:known"}, refused: consent},
		{name: "a global variable renamed", orig: global, patched: strings.Replace(strings.ReplaceAll(global, "count", "total"), "external(total)", "external(total + 1)", 1),
			functions: []string{"f"}, refused: note},
		{name: "a global variable renamed and used elsewhere", orig: global,
			patched:   strings.Replace(strings.ReplaceAll(global, "count", "total"), "^ total", "^ 1", 1),
			functions: []string{"f", "g"}, data: []string{"new:total"}, refused: []string{"state-dropped", "symbol-removed"}},
		{name: "a global variable of other units renamed", orig: "int count = 3;" + local, patched: "int total = 3;" + local,
			data: []string{"new:total"}, refused: []string{"state-dropped", "symbol-removed"}},
		{name: "a global variable of other units removed", orig: "int count = 3;" + local, patched: local, refused: []string{"symbol-removed"}},
		{name: "a per-cpu variable renamed", orig: perCPU, patched: strings.Replace(strings.ReplaceAll(perCPU, "count", "total"), "external(total)", "external(total + 1)", 1),
			functions: []string{"f"}, refused: note},
		{name: "a static key renamed", orig: key, patched: strings.Replace(strings.ReplaceAll(key, "fast", "quick"), "external(x)", "external(x + 1)", 1),
			functions: []string{"f"}, refused: note},
		{name: "a static key renamed to another value", orig: key, patched: strings.Replace(strings.ReplaceAll(key, "fast", "quick"), "{ 1 }", "{ 0 }", 1),
			functions: []string{"f", "set"}, data: []string{"new:quick"}, refused: []string{"module-static-key", "state-dropped"}},
		{name: "a lock renamed", orig: lock, patched: strings.Replace(strings.ReplaceAll(lock, "mine", "ours"), "external(x)", "external(x + 1)", 1),
			functions: []string{"f"}, refused: note},
		{name: "a lock split", orig: lock, patched: strings.Replace(strings.Replace(lock, "int f(int x) { lock(&mine)", "static struct lock ours; int f(int x) { lock(&ours)", 1), "unlock(&mine); return 1", "unlock(&ours); return 1", 1),
			functions: []string{"f"}, data: []string{"new:ours"}, refused: []string{"data-kept", "state-dropped"}},
		edit("another initial value", counter, counter, strings.ReplaceAll(strings.Replace(counter, "= 3", "= 4", 1), "count", "total"),
			pair{functions: []string{"f", "g"}, data: []string{"new:total"}, refused: consent}),
		edit("another size", counter, counter, strings.ReplaceAll(strings.Replace(counter, "int count", "long count", 1), "count", "total"),
			pair{functions: []string{"f", "g"}, data: []string{"new:total"}, refused: consent}),
		edit("two that can be the old one", counter, counter,
			`static int one = 3, two = 3; int f(int x) { one += x; two -= x; return external(one + two); } int g(int x) { return external(x) ^ one ^ two; }`,
			pair{functions: []string{"f", "g"}, data: []string{"new:one", "new:two"}, refused: consent}),
		edit("a variable added", counter, "return external(count)", "static int more; return external(count + ++more)",
			pair{functions: []string{"f"}, data: []string{"new:more"}}),
		edit("a variable not used any more", local, "calls += x; return external(calls)", "return external(x)", pair{functions: []string{"f"}}),
		edit("a static local renamed", local, local, strings.ReplaceAll(local, "calls", "times"), pair{}),
		{name: "a new variable of a new function", orig: counter + strings.Replace(local, "int f(", "int k(", 1),
			patched:   counter + `int k(int x) { return external(x); } int h(int x) { static long fresh; return external(++fresh); }`,
			functions: []string{"+h", "k"}, data: []string{"new:fresh"}},
	} {
		t.Run(p.name, func(t *testing.T) { p.run(t) })
	}
}

// TestMovedState has static locals whose function has another name or clone
// suffix, or that moved into a helper.
func TestMovedState(t *testing.T) {
	handler := `int handler(int x) { static int quiet; if (!quiet) external(x); quiet |= x & 4; return 0; }`
	wrapped := strings.Replace(handler, "int handler", "static noinline int do_handler", 1) +
		`int handler(int x) { if (x > 8) return -1; return do_handler(x); }`
	part := `static noinline int slow_part(int x) { static int spins; spins += x; return external(spins); } asm(".set unused, 0");
int enter(int x) { return x ? slow_part(x) : 0; }`
	for _, p := range []pair{
		{name: "the function became a helper", orig: handler, patched: wrapped, functions: []string{"+do_handler", "handler"}},
		{name: "the helper became its caller", orig: wrapped, patched: handler, functions: []string{"handler"}},
		{name: "the helper has another name", orig: part, patched: strings.ReplaceAll(part, "slow_part", "slow_path"),
			functions: []string{"+slow_path", "enter"}},
		edit("a helper with another initial value", handler, handler, strings.Replace(wrapped, "int quiet", "int quiet = 1", 1),
			pair{functions: []string{"+do_handler", "handler"}, refused: []string{"ambiguous-symbol"}}),
		edit("a function that has nothing to do with it", handler, handler,
			`int handler(int x) { return external(x); } int other(int x) { static int quiet; return external(++quiet); }`,
			pair{functions: []string{"+other", "handler"}, refused: []string{"ambiguous-symbol"}}),
	} {
		t.Run(p.name, func(t *testing.T) { p.run(t) })
	}
}

// TestAmbiguousText checks the message about a single ambiguous variable.
func TestAmbiguousText(t *testing.T) {
	r := diffSources(t, `int handler(int x) { static int quiet; return external(++quiet); }`,
		`int handler(int x) { return external(x); } int other(int x) { static int quiet; return external(++quiet); }`)
	if len(r.Diagnostics) != 1 || !strings.Contains(r.Diagnostics[0].Message, "nothing proves that it is the quiet that handler uses") {
		t.Errorf("diagnostics %v", r.Diagnostics)
	}
}

// TestDisagrees has a global variable that one unit renames and another uses.
func TestDisagrees(t *testing.T) {
	owner := `int count = 3; int own(int x) { count += x; return external(count); }`
	user := `extern int count; int f(int x) { return external(count); } int g(int x) { return external(x); }`
	renamed := func(source string) string { return strings.ReplaceAll(source, "count", "total") }
	r := diffSources(t, owner, renamed(owner))
	if got := r.Renamed(); len(got) != 1 || got["total"] != "count" {
		t.Errorf("%v", got)
	}
	if found := r.Disagrees(diffSources(t, user, renamed(user))); len(found) > 0 {
		t.Errorf("%v", found)
	}
	for _, patched := range []string{
		strings.Replace(renamed(user), "external(x)", "external(total)", 1),
		strings.Replace(renamed(user), "external(total)", "external(x)", 1),
	} {
		found := r.Disagrees(diffSources(t, user, patched))
		if len(found) != 1 || found[0].Code != "ambiguous-symbol" || found[0].Symbol != "total" {
			t.Errorf("%v", found)
		}
	}
}
