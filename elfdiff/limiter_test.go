package elfdiff_test

import (
	"slices"
	"strings"
	"testing"

	"kintsugi/elfdiff"
	"kintsugi/internal/elfobj"
	"kintsugi/internal/objmodel"
)

// limiterMacros are shortened macros of include/linux/once_lite.h, ratelimit.h and once.h.
const limiterMacros = `
#define printk_once(text, ...) ({ static bool __attribute__((section(".data.once"))) __already_done; if (__builtin_expect(!__already_done, 0)) { __already_done = 1; printk(text, ##__VA_ARGS__); } })
#define dev_once(text) ({ static bool __print_once; if (!__print_once) { __print_once = 1; printk(text); } })
#define call_once(f) ({ static bool __attribute__((section(".data.once"))) __already_done; if (!__already_done) { __already_done = 1; f(); } })
struct ratelimit_state { int lock, interval, burst; };
int ___ratelimit(struct ratelimit_state *, const char *); void dump_stack(void); void dump_more(void);
#define printk_ratelimited(text, ...) ({ static struct ratelimit_state _rs = { 0, 5, 10 }; if (___ratelimit(&_rs, __func__)) printk(text, ##__VA_ARGS__); })
bool __do_once_start(bool *, u64 *); void __do_once_done(bool *, u64 *);
#define do_once(f) ({ u64 flags; static bool __attribute__((section(".data.once"))) ___done; if (__do_once_start(&___done, &flags)) { f(); __do_once_done(&___done, &flags); } })
`

// TestLimiters has limited messages, and patches that move, add and remove some of them. A new
// message has its own limiter.
func TestLimiters(t *testing.T) {
	const two = `int f(int x) { if (x == 1) printk_once("one %d", external(x)); return external(x + 1); }
int g(int x) { if (x == 2) printk_once("two"); return external(x + 2); }`
	const equal = `int f(int x) { if (x == 1) printk_once("same"); external(x); if (x == 2) printk_once("same"); return external(x + 1); }`
	const limited = `int f(int x) { if (external(x)) printk_ratelimited("one"); printk("after"); return external(x + 1); }`
	once, state, doubt := []string{"new:__already_done"}, []string{"new:_rs"}, []string{"limiter-reset"}
	for _, p := range []pair{
		edit("a changed function", two, "x + 1", "x + 3", pair{functions: []string{"f"}}),
		edit("another argument", two, "external(x))", "x)", pair{functions: []string{"f"}}),
		edit("another text", two, "one", "other", pair{functions: []string{"f"}, data: once}),
		edit("another text of the same code", two, `"two"`, `"owt"`, pair{functions: []string{"g"}, data: once}),
		edit("a message that goes", two, `printk_once("one %d", external(x))`, "external(x)", pair{functions: []string{"f"}}),
		{name: "a message in the place of another function's", orig: two,
			patched: `int f(int x) { if (x == 1) external(x); return external(x + 1); }
int g(int x) { if (x == 2) printk_once("two"); if (x == 3) printk_once("three"); return external(x + 2); }`,
			functions: []string{"f", "g"}, data: once},
		{name: "a message that moves", orig: two,
			patched: `int f(int x) { if (x == 1) external(x); return external(x + 1); }
int g(int x) { if (x == 2) printk_once("two"); if (x == 1) printk_once("one %d", external(x)); return external(x + 2); }`,
			functions: []string{"f", "g"}, data: once},
		{name: "messages that change places", orig: two,
			patched: strings.NewReplacer("one %d", "two", "two", "one %d").Replace(two), functions: []string{"f", "g"},
			data: []string{"new:__already_done", "new:__already_done"}},
		edit("a changed function with equal messages", equal, "x + 1", "x + 3", pair{functions: []string{"f"}}),
		edit("one of two equal messages that goes", equal, `if (x == 1) printk_once("same")`, "",
			pair{functions: []string{"f"}, data: once, refused: doubt}),
		edit("another text of one of two equal messages", equal, `x == 2) printk_once("same")`, `x == 2) printk_once("other")`,
			pair{functions: []string{"f"}, data: slices.Repeat(once, 2), refused: doubt}),
		edit("one more of equal messages", equal, `return external`, `if (x == 7) printk_once("same"); return external`,
			pair{functions: []string{"f"}, data: slices.Repeat(once, 3), refused: doubt}),
		edit("a message in an unchanged function beside equal ones", equal+" int g(int x) { printk_once(\"same\"); return x; }",
			`if (x == 1) printk_once("same")`, "", pair{functions: []string{"f"}, data: once, refused: doubt}),
		edit("a limit of another kind", two, `printk_once("two")`, `printk_ratelimited("two")`,
			pair{functions: []string{"g"}, data: state}),
		edit("a rate-limited message", limited, "x + 1", "x + 3", pair{functions: []string{"f"}}),
		edit("what follows a rate-limited message", limited, "after", "later", pair{functions: []string{"f"}}),
		edit("another rate-limited message", limited, `"one"`, `"two"`, pair{functions: []string{"f"}, data: state}),
		edit("a call without a text", strings.Replace(two, `printk_once("two")`, "call_once(dump_stack)", 1), "x + 2", "x + 4",
			pair{functions: []string{"g"}}),
		edit("another call without a text", strings.Replace(two, `printk_once("two")`, "call_once(dump_stack)", 1),
			"dump_stack", "dump_more", pair{functions: []string{"g"}, data: once}),
		edit("a flag among other data", strings.Replace(two, "printk_once(\"two\")", "dev_once(\"two\")", 1), "two", "owt",
			pair{functions: []string{"g"}, data: []string{"new:__print_once"}}),
	} {
		p.orig, p.patched = limiterMacros+p.orig, limiterMacros+p.patched
		t.Run(p.name, func(t *testing.T) {
			p.judgeLimiters(t, build(t, p.orig), build(t, p.patched))
			p.judgeLimiters(t, buildClang(t, p.orig), buildClang(t, p.patched))
		})
	}
}

// judgeLimiters is judge without the names of functions as data, and without the function that
// clang puts before the name of a static local.
func (p pair) judgeLimiters(t *testing.T, orig, patched *elfobj.File) {
	t.Helper()
	r, err := elfdiff.Diff(orig, patched)
	if err != nil {
		t.Fatal(err)
	}
	r.Data = slices.DeleteFunc(r.Data, func(d *elfdiff.DataItem) bool { return strings.HasPrefix(d.Name, "__func__") })
	for _, d := range r.Data {
		d.Name = objmodel.StableName(d.Name)
		d.Name = d.Name[strings.IndexByte(d.Name, '.')+1:]
	}
	p.judge(t, r)
}
