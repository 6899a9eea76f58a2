package klp

import (
	"cmp"
	"debug/elf"
	"slices"

	"kintsugi/elfdiff"
	"kintsugi/internal/elfobj"
)

// fieldSizes has for each machine the relocations that its loader applies,
// and how many bytes they write (apply_relocate_add,
// arch/x86/kernel/module.c).
var fieldSizes = map[elf.Machine]map[uint32]uint64{
	elf.EM_X86_64: {
		uint32(elf.R_X86_64_NONE):  0,
		uint32(elf.R_X86_64_64):    8,
		uint32(elf.R_X86_64_32):    4,
		uint32(elf.R_X86_64_32S):   4,
		uint32(elf.R_X86_64_PC32):  4,
		uint32(elf.R_X86_64_PLT32): 4,
		uint32(elf.R_X86_64_PC64):  8,
	},
}

// applied returns the relocation sections that the kernel applies, plain and
// klp ones. It clears SHF_ALLOC of .modinfo and __versions before
// (rewrite_section_headers).
func (v *verifier) applied() []*elfobj.Section {
	var sections []*elfobj.Section
	for _, s := range v.Sections {
		if s.Type != elf.SHT_RELA && s.Type != elf.SHT_REL || s.Target == nil {
			continue
		}
		if s.Target.Flags&elf.SHF_ALLOC != 0 && s.Target.Name != modinfoSection && s.Target.Name != "__versions" {
			sections = append(sections, s)
		}
	}
	return sections
}

// relocations: apply_relocations and apply_relocate_add.
func (v *verifier) relocations() {
	sizes, known := fieldSizes[v.Machine]
	if !known {
		return
	}
	for _, s := range v.applied() {
		if s.Type != elf.SHT_RELA {
			v.fail("", "", "section %s has relocations without addends, which the kernel does not apply", s.Name)
			continue
		}
		for i := range s.Relocs {
			v.relocation(s, &s.Relocs[i], sizes)
		}
	}
}

func (v *verifier) relocation(s *elfobj.Section, r *elfobj.Reloc, sizes map[uint32]uint64) {
	name := symbolName(r.Sym)
	size, ok := sizes[r.Type]
	if !ok {
		v.fail(name, "does the compiler's code model fit the kernel's?", "%s: relocation type %v at %#x is not one that the kernel applies", s.Name, elf.R_X86_64(r.Type), r.Offset)
		return
	}
	length := s.Target.Size
	if s.Target.Type != elf.SHT_NOBITS {
		length = uint64(len(s.Target.Data))
	}
	if r.Offset > length || size > length-r.Offset {
		v.fail(name, "", "%s: relocation at %#x is outside of %s", s.Name, r.Offset, s.Target.Name)
		return
	}
	if s.Target.Type != elf.SHT_NOBITS && !allZero(s.Target.Data[r.Offset:r.Offset+size]) {
		v.fail(name, "the addend belongs into the relocation", "%s: bytes at %#x of %s are not zero before they are relocated", s.Name, r.Offset, s.Target.Name)
	}
	if s.Flags&elfobj.SHFRelaLivepatch == 0 && livepatchSymbol(r.Sym) {
		v.fail(name, "its relocations belong into "+relaPrefix+"OBJECT.SECTION", "%s uses the livepatch symbol %s, but is a plain relocation section", s.Name, name)
	}
}

func symbolName(s *elfobj.Symbol) string {
	if s == nil {
		return ""
	}
	return s.Name
}

func livepatchSymbol(s *elfobj.Symbol) bool {
	return s != nil && s.Section == nil && s.Index == elfobj.SHNLivepatch
}

func allZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// overlaps: a field is relocated once, since it must be zero before.
func (v *verifier) overlaps() {
	type field struct{ start, end uint64 }
	fields := map[*elfobj.Section][]field{}
	for _, s := range v.applied() {
		for _, r := range s.Relocs {
			if size := fieldSizes[v.Machine][r.Type]; size > 0 {
				fields[s.Target] = append(fields[s.Target], field{r.Offset, r.Offset + size})
			}
		}
	}
	for _, s := range v.Sections {
		list := fields[s]
		slices.SortFunc(list, func(a, b field) int { return cmp.Compare(a.start, b.start) })
		for i := 1; i < len(list); i++ {
			if list[i].start < list[i-1].end {
				v.fail("", "", "two relocations of %s write to %#x", s.Name, list[i].start)
			}
		}
	}
}

// branches finds calls and jumps that leave their section without a
// relocation. No loader looks at them; they go to wherever the module happens
// to lie.
func (v *verifier) branches() {
	names, err := elfdiff.StrayBranches(v.File)
	if err != nil {
		return // an architecture or an object that the other rules are about
	}
	for _, name := range names {
		v.fail(name, "", "%s branches out of its section without a relocation", name)
	}
}
