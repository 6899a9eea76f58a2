package elfdiff

import (
	"debug/elf"

	"kintsugi/internal/diag"
	"kintsugi/internal/objmodel"
)

// checkShared refuses atoms that cannot be moved out of a section that several functions share. The
// assembler resolves some references inside such a section without a relocation: branches, on
// architectures whose instructions are not decoded, and entries of tables that are relative to the
// table's start.
func (s *selection) checkShared(a *objmodel.Atom) {
	const hint = "Compile both objects with -ffunction-sections."
	if a.Kind == objmodel.Func && s.patched.Arch.Code.Decode == nil && s.patched.SharedSection(a.Section) {
		s.refuse(diag.SharedSection, a, hint,
			"%s shares its section with other functions, and its references to them have no relocations", a)
		return
	}
	if a.Kind != objmodel.Anon || a.Section.Flags&elf.SHF_EXECINSTR != 0 {
		return
	}
	for i := range a.Refs {
		r := &a.Refs[i]
		if r.Atom != nil && r.Atom.Kind == objmodel.Func && s.patched.Reloc(r.Type).
			PCRel && s.patched.SharedSection(r.Atom.Section) {
			s.refuse(diag.SharedSection, a, hint,
				"a table in %s has places of %s, and it is unknown which function they are in", a.Section.Name,
				r.Atom.Section.Name)
			return
		}
	}
}
