package objmodel

import (
	"cmp"
	"slices"

	"kintsugi/internal/elfobj"
)

// sectionRelocs are the relocations of every allocated section, by offset.
type sectionRelocs map[*elfobj.Section][]elfobj.Reloc

func relocsBySection(f *elfobj.File) sectionRelocs {
	m := sectionRelocs{}
	for _, s := range f.Sections {
		if s.Target == nil || !reachesKernel(s.Target) {
			continue
		}
		if m[s.Target] == nil {
			m[s.Target] = s.Relocs
			continue
		}
		m[s.Target] = slices.Concat(m[s.Target], s.Relocs)
	}
	for target, list := range m {
		if slices.ContainsFunc(list, isNone) {
			list = slices.DeleteFunc(slices.Clone(list), isNone)
			m[target] = list
		}
		byOffset := func(a, b elfobj.Reloc) int { return cmp.Compare(a.Offset, b.Offset) }
		if !slices.IsSortedFunc(list, byOffset) {
			m[target] = slices.SortedStableFunc(slices.Values(list), byOffset)
		}
	}
	return m
}

// isNone reports whether a relocation is R_*_NONE, which is 0 on all architectures. objtool turns
// the relocations of instructions that it replaces into these. Their symbol has no meaning.
func isNone(r elfobj.Reloc) bool { return r.Type == 0 }

// isMark reports whether a relocation only informs the linker about its place, such as the
// alignment of code there.
func (o *Object) isMark(r elfobj.Reloc) bool {
	kind := o.Reloc(r.Type)
	return kind.Known && kind.Size == 0
}
