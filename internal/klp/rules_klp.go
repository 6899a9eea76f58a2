package klp

import (
	"debug/elf"
	"slices"
	"strconv"
	"strings"

	"kintsugi/internal/diag"
	"kintsugi/internal/elfobj"
)

// nameLen is KSYM_NAME_LEN of the kernel, the null byte included: 512 since
// 6.1, 128 before (include/linux/kallsyms.h).
func (v *verifier) nameLen() int {
	major, rest, _ := strings.Cut(v.kernel.Image.Release(), ".")
	minor := rest[:len(rest)-len(strings.TrimLeft(rest, "0123456789"))]
	if m, err := strconv.Atoi(major); err != nil || m > 6 {
		return 512
	} else if n, err := strconv.Atoi(minor); m == 6 && (err != nil || n >= 1) {
		return 512
	}
	return 128
}

// relaObject is the object in the name of a klp relocation section, empty if the
// livepatch core cannot read it (klp_apply_section_relocs).
func relaObject(s *elfobj.Section) string {
	rest, ok := strings.CutPrefix(s.Name, relaPrefix)
	object, _, dot := strings.Cut(rest, ".")
	if !ok || !dot || len(object) >= moduleNameLen {
		return ""
	}
	return object
}

// klpSections: apply_relocations, klp_apply_section_relocs and
// Documentation/livepatch/module-elf-format.rst.
func (v *verifier) klpSections() {
	for _, s := range v.Sections {
		if s.Flags&elfobj.SHFRelaLivepatch != 0 {
			v.klpSection(s)
		} else if strings.HasPrefix(s.Name, relaPrefix) {
			v.fail("", "seal the module", "section %s does not have the flag SHF_RELA_LIVEPATCH", s.Name)
		}
	}
}

func (v *verifier) klpSection(s *elfobj.Section) {
	object := relaObject(s)
	if object != "" && object != Vmlinux && !v.patches(object) {
		v.fail("", "give the patch an object of that name",
			"section %s is never applied: the livepatch does not patch the module %s", s.Name, object)
	}
	switch {
	case object == "":
		v.fail("", "the form is "+relaPrefix+"OBJECT.SECTION", "section %s has an incorrectly formatted name", s.Name)
	case s.Type != elf.SHT_RELA:
		v.fail("", "", "section %s is of type %v, not SHT_RELA", s.Name, s.Type)
	case s.Flags&elf.SHF_ALLOC == 0:
		v.fail("", "", "section %s is not kept in memory (SHF_ALLOC)", s.Name)
	case s.Target == nil || s.Target.Flags&elf.SHF_ALLOC == 0:
		v.fail("", "", "section %s changes no section that is in memory", s.Name)
	case s.Name != relaPrefix+object+"."+s.Target.Name:
		// The kernel uses sh_info and ignores the name.
		v.warn("", "section %s changes %s, which is not the section of its name", s.Name, s.Target.Name)
	}
	for _, r := range s.Relocs {
		if !livepatchSymbol(r.Sym) {
			v.fail(symbolName(r.Sym), "", "%s uses the symbol %q, which is not marked as a livepatch symbol", s.Name,
				symbolName(r.Sym))
		}
	}
}

// patches reports whether the livepatch has an object of that name.
func (v *verifier) patches(object string) bool {
	p := v.desc.Patch
	return p == nil || slices.ContainsFunc(p.Objects, func(o Object) bool { return o.Name == object })
}

// klpSymbols: klp_resolve_symbols and klp_find_object_symbol.
func (v *verifier) klpSymbols() {
	users := map[*elfobj.Symbol]string{}
	for _, s := range v.klp {
		for _, r := range s.Relocs {
			if livepatchSymbol(r.Sym) && users[r.Sym] != Vmlinux {
				users[r.Sym] = relaObject(s)
			}
		}
	}
	for _, s := range v.Symbols {
		user, used := users[s]
		switch {
		case used:
			v.klpSymbol(s.Name, user)
		case strings.HasPrefix(s.Name, symPrefix) && !livepatchSymbol(s) && !s.Undefined():
			v.fail(s.Name, "", "%s is not a livepatch symbol, but has the name of one", s.Name)
		}
	}
	for _, s := range v.klp {
		v.vmlinuxFromModule(s)
	}
}

func (v *verifier) klpSymbol(name, user string) {
	sym, ok := ParseSymbol(name)
	// The kernel reads the object up to a dot and the name up to a comma.
	if !ok || strings.Contains(sym.Name, ",") {
		v.fail(name, "the form is "+symPrefix+"OBJECT.NAME,POSITION", "symbol %q has an incorrectly formatted name", name)
		return
	}
	if len(sym.Object) >= moduleNameLen || len(sym.Name) >= v.nameLen() {
		v.fail(name, "", "symbol %s is too long: at most %d bytes for the object and %d for the name", name,
			moduleNameLen-1, v.nameLen()-1)
		return
	}
	if sym.Object != Vmlinux && user == Vmlinux {
		v.warn(name, "the module can be loaded only after %s, as the kernel needs %s at once", sym.Object, sym.Name)
	}
	o := v.owner(sym.Object)
	if o == nil {
		v.note(name, "%s is a symbol of the module %s: its position is not checked", sym.Name, sym.Object)
		return
	}
	if i, ok := v.find(o, sym.Name, sym.Pos); ok && o.Image.Init(o.Image.Symbols[i].Addr) {
		v.failAs(diag.InitCode, sym.Name, "", "%s is in memory that is freed once %s has started", sym.Name, o.what())
	}
	if patched := v.owner(user); patched != nil && user != Vmlinux && sym.Object != Vmlinux && user != sym.Object &&
		!patched.dependsOn(sym.Object, map[string]bool{}) {
		v.failAs(diag.ModuleDependency, sym.Name, "",
			"%s belongs to the module %s, which %s does not depend on: it may not be loaded", sym.Name, sym.Object, user)
	}
}

// owner is vmlinux or a module of the kernel. It is nil if the module cannot be
// read; its symbols are then not checked.
func (v *verifier) owner(name string) *Owner {
	o, err := v.kernel.Owner(name)
	if err != nil {
		return nil
	}
	return o
}

// find is the index of a symbol of o. It reports a symbol that it does not find.
func (v *verifier) find(o *Owner, name string, pos uint64) (int, bool) {
	found := defined(o.table(), name)
	n := uint64(len(found))
	switch {
	case n == 0:
		v.fail(name, "is the module for another kernel?", "%s has no symbol %s", o.what(), name)
	case pos == 0 && n > 1:
		v.failAs(diag.AmbiguousSymbol, name, "give its position",
			"%d symbols of %s are called %s, and position 0 requires a unique name", n, o.what(), name)
	case pos > n:
		v.fail(name, "", "position %d of symbol %s: %s has %d of the name", pos, name, o.what(), n)
	case o.Image.Symbols[found[max(pos, 1)-1]].Addr == 0:
		v.fail(name, "", "symbol %s has no address", name)
	default:
		i := found[max(pos, 1)-1]
		if _, d := o.position(i); d != nil {
			v.failAs(d.Code, name, d.Hint, "%s", d.Message)
			return 0, false
		}
		return i, true
	}
	return 0, false
}

// vmlinuxFromModule: relocations that are applied when a module is loaded may not
// refer to symbols of vmlinux (klp_resolve_symbols).
func (v *verifier) vmlinuxFromModule(s *elfobj.Section) {
	object := relaObject(s)
	if object == Vmlinux || object == "" {
		return
	}
	for _, r := range s.Relocs {
		if sym, ok := ParseSymbol(symbolName(r.Sym)); ok && sym.Object == Vmlinux {
			v.fail(sym.Name, "put its relocation into "+relaPrefix+Vmlinux+"."+sectionName(s.Target),
				"section %s, which is for a module, refers to the kernel's %s", s.Name, sym.Name)
		}
	}
}

func sectionName(s *elfobj.Section) string {
	if s == nil {
		return "SECTION"
	}
	return s.Name
}

// early lists the sections that the loader reads before the relocations of patched
// modules are applied (module_finalize and the notifiers of jump labels and static
// calls).
var early = []string{
	".altinstructions", ".altinstr_replacement", ".parainstructions", ".smp_locks",
	".retpoline_sites", ".return_sites", ".call_sites", ".ibt_endbr_seal",
	".orc_unwind", ".orc_unwind_ip", "__ex_table", "__bug_table", "__mcount_loc",
}

// klpLate: .klp.rela.MODULE may not change these sections, since MODULE may be
// loaded later.
func (v *verifier) klpLate() {
	for _, s := range v.klp {
		object := relaObject(s)
		if object == Vmlinux || object == "" || s.Target == nil || len(s.Relocs) == 0 {
			continue
		}
		switch name := s.Target.Name; {
		case name == "__jump_table" || name == ".static_call_sites":
			v.failAs(diag.ModuleStaticKey, symbolName(s.Relocs[0].Sym), "",
				"%s: the kernel reads %s before the module %s gives it its addresses", s.Name, name, object)
		case slices.Contains(early, name) || strings.HasPrefix(name, ".init"):
			v.fail(symbolName(s.Relocs[0].Sym), "", "%s: the kernel reads %s before the module %s is loaded", s.Name, name,
				object)
		}
	}
}
