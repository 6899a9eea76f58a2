package klp

import (
	"debug/elf"
	"path"
	"slices"
	"strings"

	"kintsugi/internal/elfobj"
)

// modversions reports whether the kernel compares CRCs of symbols.
func (v *verifier) modversions() bool { return strings.Contains(v.magic, " modversions ") }

// structVersion: check_modstruct_version, which guards the layout of struct
// module.
func (v *verifier) structVersion() {
	if e, ok := v.kernel.Exports["module_layout"]; ok && v.modversions() {
		v.version(e)
	}
}

// version: check_version, kernel/module/version.c.
func (v *verifier) version(e Export) {
	const hint = "compile the module against the headers of this kernel"
	crc, ok := v.versions[e.Name]
	switch {
	case !ok:
		v.fail(e.Name, hint, "no version of symbol %s in the module", e.Name)
	case crc != e.CRC:
		v.fail(e.Name, hint, "symbol %s has version %#08x in the module, %#08x in the kernel", e.Name, crc, e.CRC)
	}
}

// symbols: the kinds of symbols that simplify_symbols refuses.
func (v *verifier) symbols() {
	for _, s := range v.Symbols {
		switch {
		case s.Section != nil:
		case s.Index == elf.SHN_COMMON && !strings.HasPrefix(s.Name, "__gnu_lto"):
			v.fail(s.Name, "compile with -fno-common", "%s is a common symbol", s.Name)
		case s.Index == elfobj.SHNLivepatch || s.Index == elf.SHN_UNDEF || s.Index == elf.SHN_ABS ||
			s.Index == elf.SHN_COMMON:
		default:
			v.fail(s.Name, "", "symbol %s is in section %#x, which the kernel does not know", s.Name, int(s.Index))
		}
	}
}

// imports: simplify_symbols and resolve_symbol for plain undefined symbols.
func (v *verifier) imports() {
	for _, i := range v.desc.Imports {
		e, ok := v.kernel.Exports[i.Symbol]
		if !ok {
			v.unknown(i)
			continue
		}
		if v.modversions() {
			v.version(e)
		}
		if e.Namespace != "" && !slices.Contains(v.desc.ImportNS, e.Namespace) {
			v.fail(e.Name, `MODULE_IMPORT_NS("`+e.Namespace+`")`,
				"%s is exported in the namespace %s, which the module does not import", e.Name, e.Namespace)
		}
		owner := strings.ReplaceAll(path.Base(e.Module), "-", "_")
		if e.Module != Vmlinux && !v.dependsOn(owner) {
			v.fail(e.Name, "make it a klp reference, or have modpost write the dependency",
				"%s is exported by the module %s, which this module does not depend on", e.Name, owner)
		}
	}
}

func (v *verifier) dependsOn(module string) bool {
	return slices.ContainsFunc(v.desc.Depends, func(d string) bool { return strings.ReplaceAll(d, "-", "_") == module })
}

// unknown: only weak symbols may be undefined, and those that the loader ignores.
func (v *verifier) unknown(i Import) {
	if i.Weak || slices.Contains(v.kernel.Arch().Loader.Ignored, i.Symbol) {
		return
	}
	if strings.HasPrefix(i.Symbol, symPrefix) {
		v.fail(i.Symbol, "seal the module", "symbol %s is not marked as a livepatch symbol", i.Symbol)
		return
	}
	v.fail(i.Symbol, "refer to it by a klp relocation", "%s is not exported by the kernel", i.Symbol)
}
