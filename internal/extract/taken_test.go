package extract_test

import (
	"testing"

	"kintsugi/internal/objmodel"
	"kintsugi/internal/testobj"
)

// TestTaken has pointers to functions of the kernel: only new ones count.
func TestTaken(t *testing.T) {
	source := `typedef int fn(int); void store(fn *); extern fn called, stored; extern fn *slot;
static noinline int own(int x) { return external(x) + 1; }
int f(int x) { store(stored); return called(x) + own(x); }`
	for _, c := range []struct {
		name, old, new string
		want           map[string]string
	}{
		{"a call more", "store(stored);", "store(stored); called(7);", nil},
		{"a pointer that is there already", "store(stored);", "slot = stored; store(stored);", nil},
		{"a new pointer", "store(stored);", "store(stored); store(called);", map[string]string{"called": "f"}},
		{"a new pointer to a static function", "store(stored);", "store(stored); store(own);", map[string]string{"own": "f"}},
		{"a new table", "int f(int x) { store(stored);",
			"static fn *const table[] = { stored, called }; int f(int x) { slot = table[x]; store(stored);",
			map[string]string{"called": "table"}},
		{"a tail call", "int f(int x)", "int g(int x) { return called(x); } int f(int x)", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			orig, patched := testobj.Swap(source, c.old, c.new)
			got := map[string]string{}
			for _, e := range extracted(t, diffSources(t, orig, patched)).Externals {
				if e.TakenBy != "" && e.Name != "slot" { // a variable's is for whoever knows that it is one
					got[e.Name] = objmodel.StableName(e.TakenBy)
				}
			}
			if len(got) != len(c.want) {
				t.Fatalf("got %v, want %v", got, c.want)
			}
			for name, by := range c.want {
				if got[name] != by {
					t.Errorf("%s is taken by %q, want %q", name, got[name], by)
				}
			}
		})
	}
}
