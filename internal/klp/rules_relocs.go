package klp

import (
	"cmp"
	"debug/elf"
	"slices"

	"kintsugi/internal/arch"
	"kintsugi/internal/elfobj"
	"kintsugi/internal/objmodel"
)

// applied returns the relocation sections that the kernel applies, plain and klp
// ones. The kernel first clears SHF_ALLOC of .modinfo and __versions
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

// relocations: apply_relocations and apply_relocate_add (arch.Loader).
func (v *verifier) relocations() {
	machine, err := arch.ByMachine(v.Machine)
	if err != nil || machine.Loader.Applies == nil {
		v.note("", "relocations for %v are not checked", v.Machine)
		return
	}
	for _, s := range v.applied() {
		if s.Type != elf.SHT_RELA {
			v.fail("", "", "section %s has relocations without addends, which the kernel does not apply", s.Name)
			continue
		}
		for i := range s.Relocs {
			v.relocation(s, &s.Relocs[i], machine)
		}
	}
}

func (v *verifier) relocation(s *elfobj.Section, r *elfobj.Reloc, machine *arch.Arch) {
	name := symbolName(r.Sym)
	applies, ok := machine.Loader.Applies[r.Type]
	if !ok {
		v.fail(name, "does the compiler's code model fit the kernel's?",
			"%s: the kernel does not apply relocation type %s at %#x", s.Name, machine.TypeName(r.Type), r.Offset)
		return
	}
	size := uint64(applies)
	length := s.Target.Size
	if s.Target.Type != elf.SHT_NOBITS {
		length = uint64(len(s.Target.Data))
	}
	if r.Offset > length || size > length-r.Offset {
		v.fail(name, "", "%s: relocation at %#x is outside %s", s.Name, r.Offset, s.Target.Name)
		return
	}
	inFile := s.Target.Type != elf.SHT_NOBITS
	if machine.Loader.WantsZero && inFile && !allZero(s.Target.Data[r.Offset:r.Offset+size]) {
		v.fail(name, "put the addend into the relocation",
			"%s: bytes at %#x of %s are not zero before they are relocated", s.Name, r.Offset, s.Target.Name)
	}
	if s.Flags&elfobj.SHFRelaLivepatch == 0 && livepatchSymbol(r.Sym) {
		v.fail(name, "move its relocations to "+relaPrefix+"OBJECT.SECTION",
			"%s uses the livepatch symbol %s, but is a plain relocation section", s.Name, name)
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

// overlaps: if a field must be zero before it is relocated, no other relocation
// can change it.
func (v *verifier) overlaps() {
	machine, err := arch.ByMachine(v.Machine)
	if err != nil || !machine.Loader.WantsZero {
		return
	}
	type field struct{ start, end uint64 }
	fields := map[*elfobj.Section][]field{}
	for _, s := range v.applied() {
		for _, r := range s.Relocs {
			if size := machine.Loader.Applies[r.Type]; size > 0 {
				fields[s.Target] = append(fields[s.Target], field{r.Offset, r.Offset + uint64(size)})
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

// branches finds calls and jumps that leave their section without a relocation.
// The loader does not change them, so their targets are wrong.
func (v *verifier) branches() {
	names, err := objmodel.StrayBranches(v.File)
	if err != nil {
		return // other rules refuse the architecture or the object
	}
	for _, name := range names {
		v.fail(name, "", "%s branches out of its section without a relocation", name)
	}
}
