package elfdiff_test

import (
	"bytes"
	"testing"

	"kintsugi/elfdiff"
	"kintsugi/internal/elfobj"
	"kintsugi/internal/extract"
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
			orig, patched := swap(source, "g(int x) { return external(x)", "g(int x) { return external(x + 1)")
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
