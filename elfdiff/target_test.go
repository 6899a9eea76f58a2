package elfdiff_test

import (
	"slices"
	"strings"
	"testing"
)

// TestTwins has atoms that are easily mistaken for others with nearly the same name.
func TestTwins(t *testing.T) {
	locals := `int f(int x) { static int count; count += x; return external(count); } int g(int x) { static int count = 5; count -= x; return external(count); }`
	clones := `static noinline int work(int a, int b) { return external(a) * b + external(b); } int f(int x) { return work(x, 3); } int g(int x) { return work(x, 4) + 1; } int h(int x) { return external(x); }`
	blocks := `int f(int x) { if (x) { static int n; n += x; return external(n); } else { static int n; n -= x; return external(n + 1); } }`
	once := `#define WARN_ONCE(cond, text) do { static bool done __attribute__((section(".data.once"))); if ((cond) && !done) { done = 1; printk(text); } } while (0)
int f(int x) { WARN_ONCE(x == 1, "one"); external(x); WARN_ONCE(x == 2, "two"); return external(x + 1); }`
	limited := `struct limit { int lock, interval, burst; }; int ___ratelimit(struct limit *); #define limited() ({ static struct limit _rs = { 0, 5, 10 }; ___ratelimit(&_rs); })
int f(int x) { if (limited()) external(1); if (limited()) external(1); if (limited()) external(1); return external(x); }`
	limited = strings.Replace(limited, "; #define", ";\n#define", 1)
	for _, p := range []pair{
		edit("messages limited in one function", limited, "return external(x);", "return external(x + 1);",
			pair{functions: []string{"f"}}),
		edit("more messages limited in one function", limited, "return external(x);",
			"if (limited()) external(1); return external(x);",
			pair{functions: []string{"f"}, data: slices.Repeat([]string{"new:_rs"}, 4), refused: []string{"limiter-reset"}}),
		edit("a static local before another of its name", locals, "int f(int x) {",
			"int e(int x) { static int count = 9; count ^= x; return external(count); } int f(int x) {",
			pair{functions: []string{"+e"}, data: []string{"new:count"}}),
		{name: "static locals that swap numbers", orig: locals,
			patched: `int g(int x) { static int count = 5; count -= x; return external(count); } int f(int x) { static int count; count += x; return external(count); }`},
		edit("a changed user of a static local", locals, "count += x", "count += x + 1", pair{functions: []string{"f"}}),
		{name: "clones that swap numbers", orig: clones,
			patched: `static noinline int work(int a, int b) { return external(a) * b + external(b); } int g(int x) { return work(x, 4) + 1; } int f(int x) { return work(x, 3); } int h(int x) { return external(x); }`},
		edit("two statics of one name in one function", blocks, "external(n + 1)", "external(n + 2)",
			pair{functions: []string{"f"}}),
		edit("one more static of a name in one function", blocks, "if (x) {",
			"if (x == 7) { static int n; n ^= x; external(n + 3); } if (x) {",
			pair{functions: []string{"f"}, refused: []string{"ambiguous-symbol", "ambiguous-symbol", "ambiguous-symbol"}}),
		edit("one more once-flag beside others", once, `WARN_ONCE(x == 2, "two");`,
			`WARN_ONCE(x == 9, "nine"); WARN_ONCE(x == 2, "two");`,
			pair{functions: []string{"f"}, data: []string{"new:done"}}),
		edit("the only once-flag of a function that went", once+
			` int g(int x) { WARN_ONCE(x == 3, "three"); return external(x); }`, `WARN_ONCE(x == 3, "three");`, ``,
			pair{functions: []string{"g"}}),
		edit("one more where they are called so in newer kernels", strings.Replace(once, ".data.once", ".data..once", 1),
			`WARN_ONCE(x == 2, "two");`, `WARN_ONCE(x == 9, "nine"); WARN_ONCE(x == 2, "two");`,
			pair{functions: []string{"f"}, data: []string{"new:done"}}),
	} {
		t.Run(p.name, func(t *testing.T) { p.run(t) })
	}
}
