package extract_test

import (
	"bytes"
	"testing"

	"kintsugi/internal/testobj"
)

// TestPadding has functions before whose entry the kernel writes code: that
// room travels with them.
func TestPadding(t *testing.T) {
	source := `int f(int x) { return external(x); } int g(int x) { return external(x); }`
	for _, c := range []struct {
		name string
		pad  uint64
		flag string
	}{
		{"call padding", 16, "-fpatchable-function-entry=16,16"},
		{"none before the entry", 0, "-fpatchable-function-entry=2,0"},
		{"none", 0, "-O2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			flags := []string{c.flag, "-falign-functions=16"}
			orig, patched := testobj.Swap(source, "g(int x) { return external(x)", "g(int x) { return external(x + 1)")
			x := extracted(t, diffSources(t, orig, patched, flags...))
			g := alias(t, x, "g")
			if g.Value != c.pad || g.Section.Align != 16 {
				t.Fatalf("the entry is at %#x of a section aligned to %d, want %#x", g.Value, g.Section.Align, c.pad)
			}
			if got := g.Section.Data[:c.pad]; !bytes.Equal(got, bytes.Repeat([]byte{0x90}, int(c.pad))) {
				t.Errorf("before the entry: % x", got)
			}
		})
	}
}
