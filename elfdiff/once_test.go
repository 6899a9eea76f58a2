package elfdiff_test

import (
	"strings"
	"testing"

	"kintsugi/elfdiff"
	"kintsugi/internal/elfobj"
)

// onceMacro is a shortened DO_ONCE of include/linux/once.h.
const onceMacro = `
bool __do_once_start(bool *, u64 *); void __do_once_done(bool *, struct static_key *, u64 *, void *);
void get_random_bytes(void *, int); void stir(void *, int);
#define do_once(f, to) ({ static bool __attribute__((section(".data.once"))) ___done; static struct static_key ___once_key = { 1 }; if (static_branch(&___once_key)) { u64 flags; if (__builtin_expect(__do_once_start(&___done, &flags), 0)) { f(&to, sizeof(to)); __do_once_done(&___done, &___once_key, &flags, 0); } } })
static u64 first, second, third;
`

// TestOnce has functions that do actions once, and patches after which each action must keep its
// own flag and key.
func TestOnce(t *testing.T) {
	const two = `int f(int x) { do_once(get_random_bytes, first); do_once(get_random_bytes, second); return external(x + first + second); }
int g(int x) { do_once(get_random_bytes, third); return external(x - third); }`
	const equal = `int f(int x) { do_once(get_random_bytes, first); external(x); do_once(get_random_bytes, first); return external(x + first); }`
	doubt := []string{"ambiguous-symbol", "ambiguous-symbol"}
	for _, p := range []pair{
		edit("the first of two goes", two, "do_once(get_random_bytes, first);", "", pair{functions: []string{"f"}}),
		edit("the second of two goes", two, "do_once(get_random_bytes, second);", "", pair{functions: []string{"f"}}),
		edit("two change places", two, "do_once(get_random_bytes, first); do_once(get_random_bytes, second);",
			"do_once(get_random_bytes, second); do_once(get_random_bytes, first);", pair{functions: []string{"f"}}),
		edit("other code of the function", two, "x + first", "x * first", pair{functions: []string{"f"}}),
		edit("one goes, and the other function changes", strings.Replace(two, "x - third", "x + third", 1),
			"do_once(get_random_bytes, first);", "", pair{functions: []string{"f"}}),
		edit("one of two equal ones goes", equal, "external(x); do_once(get_random_bytes, first);", "external(x);",
			pair{functions: []string{"f"}, refused: doubt}),
	} {
		p.orig, p.patched = onceMacro+p.orig, onceMacro+p.patched
		t.Run(p.name, func(t *testing.T) {
			p.judgeLimiters(t, build(t, p.orig), build(t, p.patched))
			p.judgeLimiters(t, buildClang(t, p.orig), buildClang(t, p.patched))
		})
	}
}

// TestOncePairs removes one of two actions. Debug info shows whether flag and key of the other keep
// their line.
func TestOncePairs(t *testing.T) {
	source := onceMacro + "\nint f(int x) {\ndo_once(get_random_bytes, first);\ndo_once(get_random_bytes, second);\nreturn external(x); }"
	for _, gone := range []string{"first", "second"} {
		orig, patched := swap(source, "do_once(get_random_bytes, "+gone+");", "")
		for name, compile := range map[string]func(*testing.T, string, ...string) *elfobj.File{
			"gcc":   func(t *testing.T, source string, flags ...string) *elfobj.File { return build(t, source, flags...) },
			"clang": buildClang,
		} {
			t.Run(name+" without "+gone, func(t *testing.T) { sameLines(t, compile(t, orig, "-gdwarf-4"), compile(t, patched, "-gdwarf-4")) })
		}
	}
}

// sameLines requires that the two static locals of the patched object are joined with those of the
// original that were declared in the same line.
func sameLines(t *testing.T, orig, patched *elfobj.File) {
	t.Helper()
	r, err := elfdiff.Diff(orig, patched)
	if err != nil {
		t.Fatal(err)
	}
	before, after := staticLocals(t, r.Orig), staticLocals(t, r.Patched)
	if len(before) != 4 || len(after) != 2 {
		t.Fatalf("%d and %d static locals", len(before), len(after))
	}
	for b, is := range after {
		if a := r.Pairs.Twin(b); a == nil || before[a] != is {
			t.Errorf("%s of line %d is joined with %v", b, is.line, before[a])
		}
	}
}
