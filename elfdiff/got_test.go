package elfdiff_test

import (
	"debug/elf"
	"slices"
	"testing"

	"kintsugi/elfdiff"
	"kintsugi/internal/arch"
	"kintsugi/internal/elfobj"
	"kintsugi/internal/extract"
	"kintsugi/internal/objmodel"
)

// TestGlobalOffsetTable has objects that refer to others through the global offset table, which the
// kernel's linker relaxes away.
func TestGlobalOffsetTable(t *testing.T) {
	source := `int other(int); int f(int x) { return external(x) + external_data; } int g(int x) { return external(x + 1); } int (*h(void))(int) { return other; }`
	for _, c := range []struct {
		name, old, new string
		want           pair
	}{
		{"the same", "x + 1", "x + 1", pair{}},
		{"a load and a call", "external(x) +", "external(x + 3) +", pair{functions: []string{"f"}}},
		{"a jump", "x + 1", "x + 2", pair{functions: []string{"g"}}},
		{"another function's address", "return other", "return external", pair{functions: []string{"h"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			orig, patched := swap(source, c.old, c.new)
			r := diffTabled(t, "gcc", orig, patched)
			c.want.judge(t, r)
			if !r.Empty() {
				direct(t, r)
			}
		})
	}
}

// diffTabled compiles position-independent code (-fPIC) without jumps through a PLT.
func diffTabled(t *testing.T, compiler, orig, patched string) *elfdiff.Result {
	t.Helper()
	flags := slices.DeleteFunc(slices.Clone(kernelFlags), func(f string) bool {
		return slices.Contains([]string{"-pg", "-mrecord-mcount", "-mfentry", "-mcmodel=kernel", "-fno-PIE"}, f)
	})
	var files []*elfobj.File
	for _, source := range []string{orig, patched} {
		f := buildWith(t, compiler, source, append(slices.Clone(flags), "-fPIC", "-fno-plt"))
		machine{address: uint32(elf.R_X86_64_64)}.addSites(f)
		files = append(files, f)
	}
	r, err := elfdiff.Diff(files[0], files[1])
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// direct requires that the extracted object needs no table.
func direct(t *testing.T, r *elfdiff.Result) {
	t.Helper()
	x, err := extract.Cut(r, extract.Options{Prefix: "klp_"})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range x.File.Sections {
		for _, rel := range s.Relocs {
			if arch.AMD64.Relocs[rel.Type].GOT {
				t.Errorf("%s: %v", s.Name, rel)
			}
		}
	}
	o, err := objmodel.Load(x.File)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range o.Functions() {
		for pos := 0; pos < len(a.Bytes()); {
			n := o.InsnLen(a.Bytes()[pos:])
			if n == 0 {
				t.Fatalf("%s: no instruction at %#x of % x", a, pos, a.Bytes())
			}
			pos += n
		}
		if a.Undecodable || a.NeedsGOT {
			t.Errorf("%s: undecodable %v, needs a table %v", a, a.Undecodable, a.NeedsGOT)
		}
	}
}

// TestTableKept has instructions that cannot be rewritten. They are compared, and refused in the
// module.
func TestTableKept(t *testing.T) {
	source := `extern int weak(int) __attribute__((weak)); int f(int x) { return weak ? external(x) : x; } int g(int x) { return external(x + 1); }`
	orig, patched := swap(source, "external(x) :", "external(x + 2) :")
	pair{functions: []string{"f"}, refused: []string{"got-reference"}}.judge(t, diffTabled(t, "gcc", orig, patched))
	orig, patched = swap(source, "x + 1", "x + 2")
	pair{functions: []string{"g"}}.judge(t, diffTabled(t, "gcc", orig, patched))
}
