package elfdiff

import (
	"debug/elf"

	"kintsugi/internal/diag"
	"kintsugi/internal/elfobj"
)

// checkShared refuses what cannot be moved out of a section that several
// functions share, because the assembler has resolved references inside of it
// without leaving a relocation: branches on architectures whose instructions
// are not decoded, and entries of tables that count from the table's start.
func (s *selection) checkShared(a *Atom) {
	const hint = "Compile both objects with -ffunction-sections."
	if a.Kind == Func && s.patched.arch.decode == nil && s.patched.shared(a.Section) {
		s.refuse(diag.SharedSection, a, hint, "%s shares its section with other functions, and its references to them have no relocations", a)
		return
	}
	if a.Kind != Anon || a.Section.Flags&elf.SHF_EXECINSTR != 0 {
		return
	}
	for i := range a.Refs {
		r := &a.Refs[i]
		if r.Atom != nil && r.Atom.Kind == Func && s.patched.arch.relocs[r.Type].pcrel && s.patched.shared(r.Atom.Section) {
			s.refuse(diag.SharedSection, a, hint, "a table in %s has places of %s, and which function they are in cannot be told", a.Section.Name, r.Atom.Section.Name)
			return
		}
	}
}

// shared reports whether sec has more than one function.
func (o *Object) shared(sec *elfobj.Section) bool {
	n := 0
	for _, a := range o.bySection[sec] {
		if a.Kind == Func {
			n++
		}
	}
	return n > 1
}
