package elfdiff_test

import (
	"slices"
	"strings"
	"testing"

	"kintsugi/elfdiff"
	"kintsugi/internal/extract"
	"kintsugi/internal/objmodel"
)

// reading is a source whose static branches are compiled as reads of their keys.
func reading(source string) string {
	return strings.ReplaceAll(source, "static_branch(&", "read_key(&")
}

const readKey = `static inline __attribute__((always_inline)) bool read_key(struct static_key *key) { return *(volatile int *)key; }
`

func loaded(t *testing.T, source string) *objmodel.Object {
	t.Helper()
	o, err := objmodel.Load(build(t, source))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestVariantTwins(t *testing.T) {
	source := readKey + `extern struct static_key key;
static noinline int clone(int x, int unused) { if (static_branch(&key)) return external(x); return 3 * x; }
int f(int x) { static int count; if (static_branch(&key)) count++; return external(count) + clone(x, 4); }
int g(int x) { static int count; if (static_branch(&key)) count += 2; return external(count + x) - clone(x + 1, 4); }
`
	orig, variant := loaded(t, source),
		loaded(t, "static int shifts(int x) { static int numbers[4]; return numbers[x]++; } int h(int x) { return "+
			"shifts(x); }\n"+reading(source))
	twins := elfdiff.Twins(orig, variant)
	users := map[*objmodel.Atom]string{} // of static variables, in either object
	for _, o := range []*objmodel.Object{orig, variant} {
		for _, a := range o.Atoms {
			for _, r := range a.AllRefs() {
				if a.Kind == objmodel.Func && r.Atom != nil && objmodel.StableName(r.Atom.Name) == "count" {
					users[r.Atom] = a.Name
				}
			}
		}
	}
	if len(users) != 4 {
		t.Fatalf("%d static variables in use, want 4", len(users))
	}
	found := map[string]bool{}
	for v, o := range twins {
		if users[v] != users[o] {
			t.Errorf("%s of %s is joined with %s of %s", v.Name, users[v], o.Name, users[o])
		}
		if users[v] != "" {
			found["count of "+users[v]] = true
		}
		if v.Kind == objmodel.Func {
			found[v.Name] = true
		}
	}
	for _, name := range []string{"f", "g", "count of f", "count of g"} {
		if !found[name] {
			t.Errorf("no twin of %s", name)
		}
	}
	clones := 0
	for _, a := range variant.Atoms {
		if strings.HasPrefix(a.Name, "clone.") {
			clones++
			if twins[a] != nil {
				t.Errorf("%s has a twin, although its parameters may differ", a.Name)
			}
		}
	}
	if clones == 0 {
		t.Error("no clones to look at")
	}
}

// TestCovers has a helper that only one compilation inlines. There its caller changes, and
// replacing the helper would leave the caller unchanged.
func TestCovers(t *testing.T) {
	source := readKey + `extern struct static_key key;
static HOW int helper(int x) { if (static_branch(&key)) return external(x); return x; }
int f(int x) { return helper(x + 1); }
int g(int x) { return helper(x + 2) + external(3); }
`
	diff := func(how string, read bool) *elfdiff.Result {
		s := strings.Replace(source, "HOW", how, 1)
		if read {
			s = reading(s)
		}
		orig, patched := swap(s, "return external(x); return x;", "return external(x); return 2 * x;")
		return diffSources(t, orig, patched)
	}
	const in, out = "inline __attribute__((always_inline))", "noinline"
	for _, c := range []struct {
		name          string
		kernel, other string
		want          bool
	}{
		{"inlined in both", in, in, true},
		{"out of line in both", out, out, true},
		{"inlined in the kernel", in, out, false},
		{"out of line in the kernel", out, in, false},
	} {
		if got := diff(c.other, true).Covers(diff(c.kernel, false)); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// TestCoversInit has code that only one compilation inlines into init code. The finding about it
// must not be lost.
func TestCoversInit(t *testing.T) {
	source := readKey + `extern struct static_key key;
static inline __attribute__((always_inline)) int body(int x) { return x; }
static noinline int helper(int x) { return body(x); }
int f(int x) { if (static_branch(&key)) return external(x); return helper(x + 1); }
int __init start(int x) { return CALL(x + 2) + external(3); }
`
	diff := func(call string) *elfdiff.Result {
		orig, patched := swap(strings.Replace(source, "CALL", call, 1), "{ return x; }", "{ return 2 * x; }")
		return diffSources(t, orig, patched)
	}
	kernels, other := diff("body"), diff("helper")
	if other.Covers(kernels) || !other.Covers(other) {
		t.Errorf("the kernel's: %v, the other: %v", kernels.Diagnostics, other.Diagnostics)
	}
}

// TestTakenInKernel has a function to which only the other compilation has a pointer.
func TestTakenInKernel(t *testing.T) {
	source := readKey + `extern struct static_key key;
static noinline int worker(int x) { return external(x); }
static HOW int walk(int (*fn)(int), int n) { int i, r = 0; for (i = 0; i < n; i++) r += fn(i); return r; }
int f(int x) { return walk(worker, x); }
`
	diff := func(how string) *elfdiff.Result {
		orig, patched := swap(strings.Replace(source, "HOW", how, 1), "return walk(worker, x)", "return walk(worker, x) + 5")
		return diffSources(t, orig, patched)
	}
	kernels, other := diff("inline __attribute__((always_inline))"), diff("__attribute__((noipa))")
	for _, c := range []struct {
		kernels *objmodel.Object
		want    string
	}{{nil, ""}, {kernels.Orig, "f"}} {
		x, err := extract.Cut(other, extract.Options{Kernel: c.kernels})
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(x.Externals, func(e extract.External) bool { return e.Name == "worker" })
		if i < 0 || x.Externals[i].TakenBy != c.want {
			t.Errorf("worker among %v: taken by %q wanted", x.Externals, c.want)
		}
	}
}
