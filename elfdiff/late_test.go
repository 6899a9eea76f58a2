package elfdiff_test

import (
	"slices"
	"testing"

	"kintsugi/internal/extract"
)

// TestLate has jump labels in code of a module, with keys in several places.
func TestLate(t *testing.T) {
	keys := `extern struct static_key of_kernel, of_module, __tracepoint_module_event; static struct static_key own;
struct static_key *keep(void) { return &own; }
`
	for _, c := range []struct {
		name, key string
		code      string // code of the diagnostic; empty: none, and the site stays
		sites     int
	}{
		{"the kernel's", "of_kernel", "", 1},
		{"another file's", "of_module", "module-static-key", 0},
		{"the file's own", "own", "module-static-key", 0},
		{"a tracepoint's", "__tracepoint_module_event", "tracepoint-dropped", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			source := keys + `int f(int x) { if (static_branch(&` + c.key + `)) return external(x); return x; }`
			orig, patched := swap(source, "return external(x)", "return external(x + 1)")
			r := diffSources(t, orig, patched).Late(func(symbol string) bool { return symbol != "of_kernel" })
			var codes []string
			for _, d := range r.Diagnostics {
				codes = append(codes, string(d.Code))
			}
			if want := c.code; want != "" && !slices.Equal(codes, []string{want}) || want == "" && len(codes) > 0 {
				t.Errorf("diagnostics %v, want %q", r.Diagnostics, want)
			}
			if r.Refused() {
				return
			}
			x, err := extract.Cut(r, extract.Options{Prefix: "klp_"})
			if err != nil {
				t.Fatal(err)
			}
			sites := 0
			if s := x.File.Section("__jump_table"); s != nil {
				sites = len(s.Data) / 16
			}
			if sites != c.sites {
				t.Errorf("%d sites, want %d", sites, c.sites)
			}
		})
	}
}
