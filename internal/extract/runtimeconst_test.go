package extract_test

import (
	"bytes"
	"debug/elf"
	"slices"
	"testing"

	"kintsugi/internal/elfobj"
	"kintsugi/internal/objmodel"
	"kintsugi/internal/testobj"
)

func TestRuntimeConstantsAreLoaded(t *testing.T) {
	source := testobj.RuntimeConst +
		`static u64 limit __attribute__((used)) = 5;
		int f(u64 x) { return x > const_ptr(limit) && x < const_ptr(LIMIT) ? external(1) : 0; }`
	orig, patched := testobj.Swap(source, "external(1)", "external(2)")
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
