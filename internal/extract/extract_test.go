package extract_test

import (
	"debug/elf"
	"testing"

	"kintsugi/elfdiff"
	"kintsugi/internal/elfobj"
	"kintsugi/internal/extract"
	"kintsugi/internal/testobj"
)

// diffSources compiles two sources and compares the objects.
func diffSources(t testing.TB, orig, patched string, flags ...string) *elfdiff.Result {
	t.Helper()
	r, err := elfdiff.Diff(testobj.Build(t, orig, flags...), testobj.Build(t, patched, flags...))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func extracted(t *testing.T, r *elfdiff.Result) *extract.Object {
	t.Helper()
	x, err := extract.Cut(r, extract.Options{Prefix: "klp0_"})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// alias is the symbol by which the module replaces a function.
func alias(t *testing.T, x *extract.Object, function string) *elfobj.Symbol {
	t.Helper()
	for _, rep := range x.Replacements {
		for _, s := range x.File.Symbols {
			if s.Name == rep.Alias && rep.Func.Name == function {
				return s
			}
		}
	}
	t.Fatalf("%s is not replaced", function)
	return nil
}

// TestReferences checks the targets of the references of an extracted object.
func TestReferences(t *testing.T) {
	source := `static int counter; static noinline int helper(int x) { counter++; return external(x); }
	struct ops { int (*call)(int); }; static int f(int x); static const struct ops table = { f };
	const struct ops *get(void) { return &table; }
	static int f(int x) { return helper(x) + counter; } int (*pointer(void))(int) { return f;
	} int g(int x) { return external(x); }`
	orig, patched := testobj.Swap(source, "return helper(x) + counter;",
		"printk(\"%p\", f); return helper(x + 1) + counter;")
	r := diffSources(t, orig, patched)
	x, err := extract.Cut(r, extract.Options{Prefix: "klp_"})
	if err != nil {
		t.Fatal(err)
	}
	outside := map[string]bool{}
	for _, e := range x.Externals {
		outside[e.Name] = true
	}
	for _, name := range []string{"counter", "helper", "printk", "f"} {
		if !outside[name] {
			t.Errorf("%s is not left to the kernel: %v", name, outside)
		}
	}
	if len(x.Replacements) != 1 || x.Replacements[0].Func.Name != "f" {
		t.Errorf("replacements: %v", x.Replacements)
	}
	mustLink(t, x.File)
}

// TestDirectCalls has two changed functions that call each other: the new
// code calls the new code, without the detour over ftrace.
func TestDirectCalls(t *testing.T) {
	source := `static noinline int helper(int x) { return external(x); } int f(int x) { return helper(x) + 1; }`
	r := diffSources(t, source,
		`static noinline int helper(int x) { return external(x + 1); } int f(int x) { return helper(x) + 2; }`)
	x, err := extract.Cut(r, extract.Options{Prefix: "klp_"})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range x.Externals {
		if e.Name == "helper" {
			t.Error("the call of a changed function leaves the module")
		}
	}
}

// mustLink checks that an extracted object survives being written, read and
// compared with itself.
func mustLink(t *testing.T, f *elfobj.File) {
	t.Helper()
	data, err := f.Write()
	if err != nil {
		t.Fatal(err)
	}
	again, err := elfobj.Read(data)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range again.Symbols {
		if s.Type == elf.STT_FUNC && s.Section == nil {
			t.Errorf("function %s has no section", s.Name)
		}
	}
}
