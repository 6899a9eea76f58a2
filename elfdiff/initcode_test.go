package elfdiff_test

import "testing"

// TestInitCode has init code that changes beside other code. A module of the other changes is right
// only if the two are independent.
func TestInitCode(t *testing.T) {
	source := `static int table[4], limit = 3; int f(int x) { return external(x + 1); } int g(int x) { return table[x] + limit; }
static int __init start(int x) { table[1] = x; return external(x); } int (*keep)(int) __attribute__((section(".init.data"))) = start;`
	_, later := swap(source, "return external(x); }", "return external(x + 7); }")
	for name, c := range map[string]struct {
		old, new string
		refused  bool
	}{
		"strangers":              {"external(x + 1)", "external(x + 2)", false},
		"a variable in common":   {"table[x] + limit", "table[x] + limit + 1", true},
		"nothing else":           {"external(x + 1)", "external(x + 1)", true},
		"a new variable for one": {"int f(int x) { return", "static int calls; int f(int x) { return ++calls +", false},
	} {
		t.Run(name, func(t *testing.T) {
			_, patched := swap(later, c.old, c.new)
			r := diffSources(t, source, patched)
			if r.Refused() != c.refused || len(r.Diagnostics) != 1 || r.Diagnostics[0].Code != "init-code" {
				t.Errorf("refused %v: %+v", r.Refused(), r.Diagnostics)
			}
			if !r.Late(func(string) bool { return false }).Refused() {
				t.Errorf("a module that may come later: %+v", r.Diagnostics)
			}
		})
	}
	_, patched := swap(later, "static int table[4]", "static int fresh, table[4]")
	_, patched = swap(patched, "table[1] = x;", "table[1] = fresh = x;")
	_, patched = swap(patched, "external(x + 1)", "external(x + fresh)")
	if r := diffSources(t, source, patched); !r.Refused() {
		t.Errorf("a new variable that init code sets up and other code uses: %+v", r.Diagnostics)
	}
}
