package klp

import (
	"debug/elf"
	"slices"
	"strings"

	"kintsugi/internal/diag"
	"kintsugi/internal/report"
)

// moduleNameLen is MODULE_NAME_LEN, the null byte included
// (include/linux/module.h): MAX_PARAM_PREFIX_LEN, 64 less an unsigned long.
const moduleNameLen = 64 - 8

const pageSize = 4096

func (v *verifier) machine() {
	if v.Machine != v.kernel.Image.Machine {
		v.fail("", "build it for the machine of the target", "the module is for %v, the kernel for %v", v.Machine,
			v.kernel.Image.Machine)
	}
}

// signature: mod_check_sig, kernel/module_signature.c. Only the kernel knows
// whether a signature is from one of its keys. Stock kernels load a module with an
// unknown key or without signature, and are tainted.
func (v *verifier) signature() {
	if _, err := signature(v.data); err != nil {
		v.fail("", "remove what follows the ELF file, or sign the module again", "%v", err)
	}
}

// sections: elf_validity_check, module_enforce_rwx_sections, and alignment, which
// module_alloc guarantees up to a page.
func (v *verifier) sections() {
	if len(v.Sections)+4 >= int(elf.SHN_LORESERVE) {
		v.fail("", "", "%d sections, but the kernel supports only %d", len(v.Sections), int(elf.SHN_LORESERVE))
	}
	for _, s := range v.Sections {
		if s.Flags&elf.SHF_WRITE != 0 && s.Flags&elf.SHF_EXECINSTR != 0 {
			v.fail("", "code is read-only: keep it apart from data", "section %s is both writable and executable", s.Name)
		}
		if s.Flags&elf.SHF_ALLOC != 0 && s.Align > pageSize {
			v.fail("", "", "section %s needs an alignment of %d, but the kernel guarantees only %d", s.Name, s.Align, pageSize)
		}
		if s.Flags&elf.SHF_ALLOC != 0 && s.Compressed != 0 {
			v.fail("", "", "section %s is compressed", s.Name)
		}
	}
	if len(v.Symbols) == 0 {
		v.fail("", "strip it with --strip-debug at most", "the module has no symbols")
	}
}

// thisModule: setup_load_info. The kernel uses the name in struct module; that of
// modinfo is only for messages.
func (v *verifier) thisModule() {
	found := 0
	for _, s := range v.Sections {
		if s.Name == thisModuleSection {
			found++
		}
	}
	if found != 1 {
		v.fail("", "kbuild's modpost makes it", "%d sections %s instead of one", found, thisModuleSection)
		return
	}
	s := v.Section(thisModuleSection)
	if s.Type != elf.SHT_PROGBITS || s.Flags&(elf.SHF_ALLOC|elf.SHF_WRITE) != elf.SHF_ALLOC|elf.SHF_WRITE {
		v.fail("", "", "section %s is not writable data", thisModuleSection)
	}
	name, ok := v.structName()
	if !ok {
		v.fail("", "", "struct module has no name that ends within %d bytes", moduleNameLen)
		return
	}
	if tag, ok := v.info.get("name"); ok && tag != name {
		v.fail("", "", "the module is called %s in struct module and %s in its modinfo", name, tag)
	}
	if size := v.kernel.moduleSize(); size != 0 && uint64(len(s.Data)) != size {
		v.fail("", "compile the module against the headers of this kernel",
			"struct module has %d bytes, in the kernel it has %d", len(s.Data), size)
	}
}

// vermagic: check_modinfo and same_magic. With symbol versions the kernel ignores
// the release, but a livepatch is for a single build of a kernel.
func (v *verifier) vermagic() {
	if v.magic == "" {
		return
	}
	magic, ok := v.info.get("vermagic")
	if ok && magic == v.magic {
		return
	}
	v.fail("", "compile the module against the headers of this kernel", "version magic %q should be %q", magic,
		v.magic)
}

// gplLicences are the licences of license_is_gpl_compatible, include/linux/license.h.
var gplLicences = []string{"GPL", "GPL v2", "GPL and additional rights", "Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL"}

// licence: klp_enable_patch is exported to GPL-compatible modules only.
func (v *verifier) licence() {
	licence, ok := v.info.get("license")
	if !ok {
		licence = "unspecified"
	}
	if !slices.Contains(gplLicences, licence) {
		v.fail("", `MODULE_LICENSE("GPL")`, "the licence %q is not compatible with the GPL", licence)
	}
}

// livepatchMark: klp_enable_patch requires is_livepatch_module. The kernel only
// checks that the tag exists; its tools expect Y.
func (v *verifier) livepatchMark() {
	const hint = `MODULE_INFO(livepatch, "Y")`
	switch value, ok := v.info.get("livepatch"); {
	case !ok:
		v.fail("", hint, "the module is not marked as a livepatch")
	case !strings.HasPrefix(value, "Y"):
		v.add(report.Found(report.Diagnostic{Code: diag.LoadRule, Hint: hint,
			Message: "the module's livepatch mark is not Y"}).In(diag.Doubtful))
	}
}
