package elfdiff

import (
	"debug/elf"
	"slices"
	"testing"

	"kintsugi/internal/elfobj"
)

// TestGlobalOffsetTable has objects that refer to others through the global
// offset table, which the kernel's linker does away with.
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

// diffTabled compiles for any address (-fPIC) and without jumps through a PLT.
func diffTabled(t *testing.T, compiler, orig, patched string) *Result {
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
	r, err := Diff(files[0], files[1])
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// direct fails where the extracted object needs a table still.
func direct(t *testing.T, r *Result) {
	t.Helper()
	x, err := r.Extract("klp_")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range x.File.Sections {
		for _, rel := range s.Relocs {
			if amd64.relocs[rel.Type].got {
				t.Errorf("%s: %v", s.Name, rel)
			}
		}
	}
	o, err := Load(x.File)
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
		if a.lost || a.got {
			t.Errorf("%s: lost %v, needs a table %v", a, a.lost, a.got)
		}
	}
}

// TestUngot rewrites instructions.
func TestUngot(t *testing.T) {
	for _, c := range []struct {
		code string
		at   uint64
		want string
	}{
		{"\x48\x8b\x05\x00\x00\x00\x00", 3, "\x48\x8d\x05\x00\x00\x00\x00"},
		{"\x4c\x8b\x3d\x00\x00\x00\x00", 3, "\x4c\x8d\x3d\x00\x00\x00\x00"},
		{"\xff\x15\x00\x00\x00\x00", 2, "\x67\xe8\x00\x00\x00\x00"},
		{"\xff\x25\x00\x00\x00\x00", 2, "\xe9\x00\x00\x00\x00\x90"},
		{"\x48\x3b\x05\x00\x00\x00\x00", 3, ""}, // cmp
		{"\x48\x8b\x80\x00\x00\x00\x00", 3, ""}, // not relative
	} {
		code := []byte(c.code)
		if ok := x86Ungot(code, &Ref{Off: c.at, Bias: -4}); ok != (c.want != "") || ok && string(code) != c.want {
			t.Errorf("% x: % x, %v", c.code, code, ok)
		}
	}
	if code := []byte("\x48\x83\x3d\x00\x00\x00\x00\x07"); x86Ungot(code, &Ref{Off: 3, Bias: -5}) {
		t.Errorf("cmp with a number was rewritten: % x", code)
	}
}

// TestTableKept has what cannot be rewritten: it is compared, and may not travel.
func TestTableKept(t *testing.T) {
	source := `extern int weak(int) __attribute__((weak)); int f(int x) { return weak ? external(x) : x; } int g(int x) { return external(x + 1); }`
	orig, patched := swap(source, "external(x) :", "external(x + 2) :")
	pair{functions: []string{"f"}, refused: []string{"got-reference"}}.judge(t, diffTabled(t, "gcc", orig, patched))
	orig, patched = swap(source, "x + 1", "x + 2")
	pair{functions: []string{"g"}}.judge(t, diffTabled(t, "gcc", orig, patched))
}
