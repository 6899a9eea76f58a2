package elfdiff_test

import (
	"bytes"
	"debug/elf"
	"slices"
	"testing"

	"kintsugi/internal/elfobj"
	"kintsugi/internal/objmodel"
)

// runtimeMacros are those of asm/runtime-const.h, cut down.
const runtimeMacros = `
#define const_ptr(sym) ({ u64 ret; asm("mov %1,%0\n1:\n.pushsection runtime_ptr_" #sym ",\"a\"\n.long 1b - 8 - .\n.popsection" : "=r" (ret) : "i" (0x0123456789abcdefUL)); ret; })
#define const_shift(v, sym) ({ u32 ret = (v); asm("shrl $12,%k0\n1:\n.pushsection runtime_shift_" #sym ",\"a\"\n.long 1b - 1 - .\n.popsection" : "+r" (ret)); ret; })
`

func TestRuntimeConstants(t *testing.T) {
	other := runtimeMacros + `int f(u64 x) { return x > const_ptr(LIMIT) ? external(1) : 0; } int g(u64 x) { return external(x > const_ptr(LIMIT)); }`
	own := runtimeMacros + `static u64 limit __attribute__((used)) = 5; void set(u64 x) { limit = x; } int f(u64 x) { return x > const_ptr(limit) ? external(1) : 0; }`
	shift := runtimeMacros + `int f(u64 x) { return external(const_shift(x, BITS)); } int g(int x) { return external(x); }`
	for _, p := range []pair{
		edit("of another unit", other, "external(1)", "external(2)", pair{functions: []string{"f"}}),
		edit("of the same unit", own, "external(1)", "external(2)", pair{functions: []string{"f"}}),
		edit("another one", other, "return x > const_ptr(LIMIT)", "return x > const_ptr(OTHER)", pair{functions: []string{"f"}}),
		edit("a new variable's", own, "static u64 limit", "static u64 fresh __attribute__((used)); int h(u64 x) { return x > const_ptr(fresh); } static u64 limit",
			pair{functions: []string{"+h"}, data: []string{}, refused: []string{"unknown-section"}}),
		edit("a shift", shift, "external(const", "external(1 + const", pair{functions: []string{"f"}, refused: []string{"unknown-section"}}),
		edit("beside a shift", shift, "external(x);", "external(x + 1);", pair{functions: []string{"g"}}),
	} {
		t.Run(p.name, func(t *testing.T) { p.run(t) })
	}
}

func TestRuntimeConstantsAreLoaded(t *testing.T) {
	source := runtimeMacros + `static u64 limit __attribute__((used)) = 5; int f(u64 x) { return x > const_ptr(limit) && x < const_ptr(LIMIT) ? external(1) : 0; }`
	orig, patched := swap(source, "external(1)", "external(2)")
	x := extracted(t, diffSources(t, orig, patched))
	f := alias(t, x, "f")
	if bytes.Contains(f.Section.Data, []byte{0xef, 0xcd, 0xab, 0x89}) {
		t.Error("the number to be replaced at boot is still there")
	}
	var loaded []string
	for _, s := range x.File.Sections {
		if s.Target != f.Section {
			continue
		}
		for _, r := range s.Relocs {
			if elf.R_X86_64(r.Type) == elf.R_X86_64_PC32 && f.Section.Data[r.Offset-2] == 0x8b {
				loaded = append(loaded, r.Sym.Name)
			}
		}
	}
	slices.Sort(loaded)
	if !slices.Equal(loaded, []string{"LIMIT", "limit"}) {
		t.Errorf("loaded are %q", loaded)
	}
	if slices.ContainsFunc(x.File.Sections, func(s *elfobj.Section) bool { return objmodel.RuntimeConst(s.Name) }) {
		t.Error("the list of constants travels")
	}
}
