package klp

import (
	"debug/elf"
	"encoding/binary"
	"slices"
	"strings"

	"kintsugi/internal/report"
)

// objects: klp_enable_patch and klp_init_object.
func (v *verifier) objects() {
	p := v.desc.Patch
	if p == nil && !v.desc.Livepatch {
		return // livepatchMark has said so
	}
	if p == nil {
		v.add(report.Diagnostic{Code: loadRule, Severity: report.Warning,
			Message: "no struct klp_patch in the module's data: which functions it replaces cannot be checked",
			Hint:    "does it fill in the structure while it runs?"})
		return
	}
	seen := map[string]bool{}
	for _, o := range p.Objects {
		switch {
		case len(o.Name) == 0 || len(o.Name) >= moduleNameLen || strings.Contains(o.Name, "/"):
			v.fail("", "", "%q cannot be the name of a module", o.Name)
		case seen[o.Name]:
			v.fail("", "put their functions together", "two objects are called %s", o.Name)
		case o.Unlisted, len(o.Functions) == 0 && len(o.Callbacks) == 0: // klp_enable_patch wants the list, be it empty
			v.fail("", "leave it out", "the object %s has no functions", o.Name)
		}
		seen[o.Name] = true
	}
}

// functions: klp_init_func and klp_init_object_loaded. The position 0 and 1
// are the same to the kernel.
func (v *verifier) functions() {
	if v.desc.Patch == nil {
		return
	}
	for _, o := range v.desc.Patch.Objects {
		seen := map[Symbol]bool{}
		for _, f := range o.Functions {
			key := Symbol{Object: o.Name, Name: f.OldName, Pos: max(f.SymPos, 1)}
			switch {
			case f.OldName == "" || len(f.OldName) >= v.nameLen():
				v.fail(f.NewFunc, "", "%s replaces a function of no proper name", f.NewFunc)
			case seen[key]:
				v.fail(f.OldName, "", "%s of %s is replaced twice", f.OldName, o.Name)
			case o.Name == Vmlinux:
				v.replaced(f)
			default:
				v.note(f.OldName, "%s is a function of the module %s: its position is not checked", f.OldName, o.Name)
			}
			seen[key] = true
		}
	}
}

// replaced checks the function that f replaces in the kernel's image.
func (v *verifier) replaced(f Function) {
	i, ok := v.find(f.OldName, f.SymPos)
	if !ok {
		return
	}
	s := v.kernel.Image.Symbols[i]
	switch {
	case !strings.ContainsRune("tTwW", rune(s.Type)):
		v.fail(f.OldName, "", "%s is not a function in the kernel (its type is %c)", f.OldName, s.Type)
	case v.kernel.Image.Init(s.Addr):
		v.failAs("init-code", f.OldName, "code that has run and is gone cannot be patched", "%s runs only while the kernel starts", f.OldName)
	case !v.traced(s.Addr):
		v.failAs("no-ftrace-site", f.OldName, "", "%s cannot be replaced: ftrace has no place at its entry", f.OldName)
	}
}

// traced reports whether the function at addr is in the kernel's table of
// ftrace sites (ftrace_location, kernel/trace/ftrace.c): at its entry or,
// where it begins with ENDBR, four bytes on. Where the image has no such
// table in a form known here, all are.
func (v *verifier) traced(addr uint64) bool {
	if v.sites == nil {
		return true
	}
	for _, at := range []uint64{addr, addr + 4} {
		if _, ok := slices.BinarySearch(v.sites, at); ok {
			return true
		}
	}
	return false
}

// ftraceSites is __mcount_loc of the image in ascending order, nil where
// there is none.
func (v *verifier) ftraceSites() []uint64 {
	begin, ok1 := address(v.kernel.Image, "__start_mcount_loc")
	end, ok2 := address(v.kernel.Image, "__stop_mcount_loc")
	if !ok1 || !ok2 || end < begin+8 || v.Machine != elf.EM_X86_64 {
		return nil
	}
	table, err := v.kernel.Image.Bytes(begin, end-begin)
	if err != nil {
		return nil
	}
	sites := make([]uint64, 0, len(table)/8)
	for ; len(table) >= 8; table = table[8:] {
		sites = append(sites, binary.LittleEndian.Uint64(table))
	}
	slices.Sort(sites)
	if text, ok := address(v.kernel.Image, "_text"); !ok || sites[len(sites)-1] < text {
		return nil // filled in when the kernel starts
	}
	return sites
}

// replacements: the new functions must be the module's own code and outlive
// its initialization.
func (v *verifier) replacements() {
	if v.desc.Patch == nil {
		return
	}
	for _, o := range v.desc.Patch.Objects {
		for _, f := range o.Functions {
			s := f.code.section
			switch {
			case s == nil:
				v.fail(f.OldName, "", "the new function for %s is not in the module", f.OldName)
			case s.Flags&elf.SHF_EXECINSTR == 0 || f.code.offset >= uint64(len(s.Data)):
				v.fail(f.OldName, "", "the new function for %s is not code", f.OldName)
			case strings.HasPrefix(s.Name, ".init") || strings.HasPrefix(s.Name, ".exit"):
				v.fail(f.OldName, "", "the new function for %s is in %s, which does not stay in memory", f.OldName, s.Name)
			}
		}
	}
}
