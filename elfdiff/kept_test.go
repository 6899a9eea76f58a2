package elfdiff_test

import "testing"

// TestDataKept has new data whose address the kernel can keep, each beside new
// data that it cannot.
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

// TestKeptBy has new data of one unit that another unit hands out.
func TestKeptBy(t *testing.T) {
	user := diffSources(t, `int f(int x) { return external(x); }`,
		`extern int shared[4], counted; int take(int *); int fresh(int); int pass(int (*)(int)); int f(int x) { counted++; pass(fresh); return take(shared) + external(x); }`)
	owner := diffSources(t, `int g(int x) { return external(x); }`,
		`int shared[4] = { 1 }, counted = 2, alone = 3; int fresh(int x) { return external(x - 1); } int g(int x) { return external(x); }`)
	var got []string
	for _, d := range owner.KeptBy(user) {
		got = append(got, string(d.Code)+":"+d.Symbol)
	}
	if len(got) != 2 || got[0] != "data-kept:shared" || got[1] != "pointer-kept:fresh" {
		t.Errorf("%q", got)
	}
	if found := user.KeptBy(owner); len(found) != 0 {
		t.Errorf("%v", found)
	}
}
