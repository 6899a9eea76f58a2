package builder

import (
	"testing"

	"kintsugi/internal/diag"
	"kintsugi/internal/klp"
)

// TestLayouts changes a type, and has debug info in which that cannot be seen.
func TestLayouts(t *testing.T) {
	const source = "struct s { int a; } x; int f(struct s *s) { return s->a; }"
	const wider = "struct s { long a; } x; int f(struct s *s) { return s->a; }"
	damaged := unitOf(t, klp.Vmlinux, source, wider, true)
	info := damaged.diff.Patched.File.Section(".debug_info")
	info.Data = append([]byte(nil), info.Data...)
	copy(info.Data[4:], []byte{99, 0}) // a version of DWARF
	untyped := damaged
	untyped.Unit.Types = false
	for _, c := range []struct {
		name   string
		unit   changed
		symbol string // of the only finding; empty: there is none
	}{
		{"another layout", unitOf(t, klp.Vmlinux, source, wider, true), "struct s"},
		{"the same", unitOf(t, klp.Vmlinux, source, source, true), ""},
		{"unreadable", damaged, "vmlinux.c"},
		{"without types", untyped, ""},
	} {
		found := c.unit.layouts(nil, nil)
		if c.symbol == "" && len(found) > 0 || c.symbol != "" && len(found) != 1 {
			t.Errorf("%s: %+v", c.name, found)
			continue
		}
		for _, d := range found {
			if d.Code != diag.LayoutChanged || d.Severity != diag.Consent || d.Symbol != c.symbol {
				t.Errorf("%s: %+v", c.name, d)
			}
		}
	}
}
