package diag

import "testing"

func TestNear(t *testing.T) {
	for name, want := range map[string]Code{
		"layout-change": LayoutChanged, "datachanged": DataChanged, "load_rule": LoadRule,
	} {
		if got := Near(name); len(got) == 0 || got[0] != want {
			t.Errorf("%s: %v, want %s first", name, got, want)
		}
	}
	if got := Near("quite-another"); len(got) > 0 {
		t.Errorf("%v", got)
	}
}
