package kofile

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kintsugi/internal/testobj"
)

const using = `
int direct(int x) { return external(x) + external(x + 1); }
int other(int x) { return printk("no %d", x); }
static noinline int twice(int x) { return external(x); }
static int (*const table[])(int) = { external, direct };
int by_table(int i) { return table[i](i) + twice(i); }
noinline __attribute__((cold)) int never(int x); int external_cold(int x) { if (x) never(external(x)); return x + 1; }
`

// put compiles a module into a folder.
func put(t *testing.T, dir, name, source string) []byte {
	t.Helper()
	ko, err := testobj.Build(t, source, "-fno-inline").Write()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".ko"), ko, 0o644); err != nil {
		t.Fatal(err)
	}
	return ko
}

func TestImports(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "uses-it", using)
	put(t, dir, "also", "int f(int x) { return external(x); }")
	put(t, dir, "defines", "int external(int x) { return x; } int g(int x) { return external(x); }")
	put(t, dir, "none", "int h(int x) { return x; }")
	modules := Open(dir)
	imports, err := modules.Imports(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	for symbol, want := range map[string][]string{"external": {"also", "uses_it"}, "printk": {"uses_it"}, "direct": nil,
		"absent": nil} {
		if d := cmp.Diff(want, imports.Of(symbol)); d != "" {
			t.Errorf("%s (-want +got):\n%s", symbol, d)
		}
	}
	before, err := modules.Sum()
	if err != nil {
		t.Fatal(err)
	}
	put(t, dir, "none", "int h(int x) { return external(x); }")
	if after, err := modules.Sum(); err != nil || after == before {
		t.Errorf("a changed module has the same sum; %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "none.ko"), []byte("no module"), 0o644); err != nil {
		t.Fatal(err)
	}
	if imports, err := modules.Imports(t.Context(), 2); err == nil {
		t.Errorf("a module that cannot be read imports nothing: %v", imports.Modules)
	}
}

// TestImportsOfCache has indices that no index has.
func TestImportsOfCache(t *testing.T) {
	damaged := Imports{Modules: []string{"a"}, Users: map[string][]int{"f": {-1, 0, 1}}}
	if d := cmp.Diff([]string{"a"}, damaged.Of("f")); d != "" {
		t.Error(d)
	}
}

func TestUses(t *testing.T) {
	ko := put(t, t.TempDir(), "uses", using)
	for symbol, want := range map[string][]string{
		"external": {"by_table", "direct", "external_cold", "twice"}, "printk": {"other"}, "direct": nil, "absent": nil,
	} {
		got, err := Uses(ko, symbol)
		slices.Sort(got)
		if symbol == "external" && slices.Contains(got, "table") { // gcc may keep the table
			want = []string{"direct", "external_cold", "table", "twice"}
		}
		if d := cmp.Diff(want, got); d != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", symbol, err, d)
		}
	}
	if _, err := Uses([]byte("no module"), "external"); err == nil {
		t.Error("what is no module has no uses")
	}
}
