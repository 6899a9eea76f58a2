package elfdiff_test

import (
	"slices"
	"strings"
	"testing"
)

// TestDataKept has new data whose address the kernel can keep, and similar data whose address it
// cannot keep.
func TestDataKept(t *testing.T) {
	base := `struct node { struct node *next, *prev; int (*run)(int); }; extern struct node *head;
int take(struct node *); int mutex_lock(void *); void mutex_unlock(void *); int ___ratelimit(void *, const char *);
int f(int x) { return external(x); } int callback(int x) { return external(x + 1); }`
	kept := []string{"data-kept"}
	f := func(before, body string) (string, string, string, string) {
		return "", base, "int f(int x) { return external(x); }", before + ` int f(int x) { ` + body + ` return external(x); }`
	}
	for name, c := range map[string]struct {
		before, body string
		want         pair
	}{
		"handed to a function": {`static struct node mine;`, `if (x) take(&mine);`,
			pair{data: []string{"new:mine"}, refused: kept}},
		"linked into a list": {`static struct node mine;`, `mine.next = head; head = &mine;`,
			pair{data: []string{"new:mine"}, refused: kept}},
		"a part of it handed on": {`static struct { long a; struct node n; } mine;`, `mine.a++; take(&mine.n);`,
			pair{data: []string{"new:mine"}, refused: kept}},
		"a table of functions": {`int callback(int); static const struct node ops = { .run = callback };`,
			`take((struct node *)&ops);`,
			pair{data: []string{"new:ops"}, refused: kept}},
		"a pointer to it handed on": {`static struct node mine; static struct node *volatile at = &mine;`, `take(at);`,
			pair{data: []string{"new:at", "new:mine"}, refused: kept}},
		"handed on after a borrower": {`static struct node mine;`, `if (mutex_lock(&mine)) take(&mine);`,
			pair{data: []string{"new:mine"}, refused: kept}},
		"a counter": {`static int calls[4];`, `calls[x & 3]++; calls[1] += x;`, pair{data: []string{"new:calls"}}},
		"a lock": {`static struct { long owner, wait[4]; } lock;`, `mutex_lock(&lock); external(x + 3); mutex_unlock(&lock);`,
			pair{data: []string{"new:lock"}}},
		"a limiter": {`static struct { int lock, burst; } _rs = { 1, 10 };`, `if (___ratelimit(&_rs, __func__)) external(5);`,
			pair{data: []string{"new:_rs", "new:__func__"}}},
		"a lock class": {`static struct { long a; } __key;`, `take((struct node *)&__key);`,
			pair{data: []string{"new:__key"}}},
		"a table of numbers": {`static const int numbers[3] = { 7, 8, 9 };`, `take((struct node *)numbers);`,
			pair{data: []string{"new:numbers"}}},
	} {
		t.Run(name, func(t *testing.T) {
			c.want.functions = []string{"f"}
			edited := func(name, source, old, new string) pair { return edit(name, source, old, new, c.want) }
			p := edited(f(c.before, c.body))
			p.run(t, "-O2")
		})
	}
	t.Run("the kernel's own", func(t *testing.T) {
		source := `struct node { int a; }; int take(struct node *); static struct node own; int f(int x) { own.a = x; return take(&own); }`
		edit("", source, "own.a = x", "own.a = x + 1", pair{functions: []string{"f"}}).run(t)
	})
}

// TestStored has constants of the module whose address code stores, and similar code after which
// the kernel has no pointer to them.
func TestStored(t *testing.T) {
	base := `struct dev { long id; const char *name; const int *table; }; struct dev *find(int); int take(struct dev *); int strlen(const char *);
static const char *label; const char *g(void) { return label; } void h(const char *s) { label = s; }
int f(int x) { return external(x); }`
	kept := []string{"data-kept"}
	for name, c := range map[string]struct {
		before, body string
		want         pair
	}{
		"a string in an object of the kernel":   {"", `find(x)->name = "text";`, pair{refused: kept}},
		"one of two strings":                    {"", `struct dev *d = find(x); d->name = d->id ? "one" : "two";`, pair{refused: []string{"data-kept", "data-kept"}}},
		"a string kept over a call":             {"", `const char *s = "text"; external(x); struct dev *d = find(strlen(s)); d->name = s;`, pair{refused: kept}},
		"a part of a string":                    {"", `find(x)->name = &"a text"[2];`, pair{refused: kept}},
		"a string in a variable of the kernel":  {"", `label = "text";`, pair{refused: kept}},
		"a table in an object of the kernel":    {`static const int numbers[3] = { 7, 8, 9 };`, `find(x)->table = numbers;`, pair{data: []string{"new:numbers"}, refused: kept}},
		"the name of the function":              {"", `find(x)->name = __func__;`, pair{data: []string{"new:__func__"}, refused: kept}},
		"a string on the stack":                 {"", `struct dev d = { .name = "text" }; take(&d);`, pair{}},
		"a string in a variable of the module":  {`static const char *volatile own;`, `own = "text";`, pair{data: []string{"new:own"}}},
		"a string that is an argument":          {"", `printk("text %d", x);`, pair{}},
		"a string whose contents are stored":    {"", `find(x)->id = strlen("text");`, pair{}},
		"a string compared with a member":       {"", `if (find(x)->name == "text") external(9);`, pair{}},
		"another value after the string's call": {"", `printk("text"); find(x)->name = 0;`, pair{}},
	} {
		t.Run(name, func(t *testing.T) {
			c.want.functions = []string{"f"}
			p := edit(name, base, "int f(int x) { return external(x); }", c.before+` int f(int x) { `+c.body+` return external(x); }`, c.want)
			p.run(t)
		})
	}
}

// TestStoredBefore changes functions that store a string. The same string as before is worth a
// warning, another one needs consent.
func TestStoredBefore(t *testing.T) {
	base := `struct dev { long id; const char *name; }; struct dev *find(int);
int f(int x) { find(x)->name = "CORE"; return external(x); } int g(int x) { return external(x + 2); }`
	for _, p := range []pair{
		edit("the same string", base, "external(x);", "external(x + 1);",
			pair{functions: []string{"f"}, refused: []string{"pointer-kept"}}),
		edit("another string", base, `"CORE"`, `"ELF"`, pair{functions: []string{"f"}, refused: []string{"data-kept"}}),
		edit("a second string", base, "return external(x);", `find(x + 1)->name = "ELF"; return external(x);`,
			pair{functions: []string{"f"}, refused: []string{"data-kept", "pointer-kept"}}),
		edit("the string in another function", base, "return external(x + 2);", `find(x)->name = "CORE"; return external(x);`,
			pair{functions: []string{"g"}, refused: []string{"data-kept"}}),
	} {
		t.Run(p.name, func(t *testing.T) { p.run(t) })
	}
}

// TestBorrowed passes a new variable to new functions. Some only use it while they run, others keep
// its address.
func TestBorrowed(t *testing.T) {
	base := `struct node { struct node *next; int count; long wait[4]; }; extern struct node *head; int take(struct node *);
int mutex_lock(void *); int mutex_unlock(void *); int f(int x) { return external(x); }`
	kept := []string{"data-kept"}
	for name, c := range map[string]struct {
		callee  string
		refused []string
	}{
		"counts":                     {`noinline int note(struct node *n) { n->count++; return n->count; }`, nil},
		"reads in a loop":            {`noinline int note(struct node *n) { int s = 0; for (int i = 0; i < 4; i++) s ^= n->wait[i]; return s; }`, nil},
		"passes it to a lock":        {`noinline int note(struct node *n) { mutex_lock(n->wait); n->count++; mutex_unlock(n->wait); return 0; }`, nil},
		"passes it on to such":       {`noinline int deep(struct node *n) { return n->count++; } noinline int note(struct node *n) { return deep(n) + 1; }`, nil},
		"passes it to the kernel":    {`noinline int note(struct node *n) { n->count++; return take(n) + 1; }`, kept},
		"links it":                   {`noinline int note(struct node *n) { n->next = head; head = n; return 0; }`, kept},
		"returns it":                 {`noinline struct node *note(struct node *n) { n->count++; return n; }`, kept},
		"calls through a pointer":    {`extern int (*hook)(struct node *); noinline int note(struct node *n) { return hook(n) + n->count; }`, kept},
		"passes it to what keeps it": {`noinline int deep(struct node *n) { head = n; return 0; } noinline int note(struct node *n) { return deep(n) + 1; }`, kept},
	} {
		t.Run(name, func(t *testing.T) {
			r := diffSources(t, base, strings.Replace(base, "int f(int x) {", c.callee+" int f(int x) { static struct node mine; note(&mine); ", 1),
				"-fno-ipa-cp", "-fno-ipa-sra", "-fno-ipa-pure-const")
			var refused []string
			for _, d := range r.Diagnostics {
				refused = append(refused, string(d.Code))
			}
			if !slices.Equal(refused, c.refused) {
				t.Errorf("%v, want %v: %v", refused, c.refused, r.Diagnostics)
			}
		})
	}
}

// TestKeptBy has new data of one unit whose address another unit hands out.
func TestKeptBy(t *testing.T) {
	user := diffSources(t, `int f(int x) { return external(x); }`,
		`extern int shared[4], counted, lent, linked; int take(int *); int fresh(int); int pass(int (*)(int)); void note(int *); void link(int *);
int f(int x) { counted++; pass(fresh); note(&lent); external(1); link(&linked); external(2); return take(shared) + external(x); }`)
	owner := diffSources(t, `int g(int x) { return external(x); }`,
		`int shared[4] = { 1 }, counted = 2, alone = 3, lent = 4, linked = 5, *last; void note(int *n) { *n += 1; } void link(int *n) { last = n; } int fresh(int x) { return external(x - 1); } int g(int x) { return external(x); }`)
	var got []string
	for _, d := range owner.KeptBy(user) {
		got = append(got, string(d.Code)+":"+d.Symbol)
	}
	slices.Sort(got)
	if !slices.Equal(got, []string{"data-kept:linked", "data-kept:shared", "pointer-kept:fresh"}) {
		t.Errorf("%q", got)
	}
	if found := user.KeptBy(owner); len(found) != 0 {
		t.Errorf("%v", found)
	}
}
