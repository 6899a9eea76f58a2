package klp

import (
	"debug/elf"
	"strings"

	"kintsugi/internal/diag"
	"kintsugi/internal/report"
)

// objects: klp_enable_patch and klp_init_object.
func (v *verifier) objects() {
	p := v.desc.Patch
	if p == nil && !v.desc.Livepatch {
		return // livepatchMark reports this
	}
	if p == nil {
		v.add(report.Found(report.Diagnostic{Code: diag.LoadRule,
			Message: "no struct klp_patch in the module's data: its replaced functions cannot be checked",
			Hint:    "does the module fill in the structure while it runs?"}).In(diag.Doubtful))
		return
	}
	seen := map[string]bool{}
	for _, o := range p.Objects {
		switch {
		case len(o.Name) == 0 || len(o.Name) >= moduleNameLen || strings.Contains(o.Name, "/"):
			v.fail("", "", "%q cannot be the name of a module", o.Name)
		case seen[o.Name]:
			v.fail("", "put their functions together", "two objects are called %s", o.Name)
		// klp_enable_patch requires a list, which may be empty
		case o.Unlisted, len(o.Functions) == 0 && len(o.Callbacks) == 0:
			v.fail("", "leave it out", "the object %s has no functions", o.Name)
		}
		seen[o.Name] = true
	}
}

// functions: klp_init_func and klp_init_object_loaded. For the kernel, positions 0
// and 1 are the same.
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
				v.fail(f.NewFunc, "", "%s replaces a function without a valid name", f.NewFunc)
			case seen[key]:
				v.fail(f.OldName, "", "%s of %s is replaced twice", f.OldName, o.Name)
			default:
				v.replaced(o.Name, f)
			}
			seen[key] = true
		}
	}
}

// replaced checks the function that f replaces.
func (v *verifier) replaced(object string, f Function) {
	o := v.owner(object)
	if o == nil {
		v.note(f.OldName, "%s is a function of the module %s: its position is not checked", f.OldName, object)
		return
	}
	i, ok := v.find(o, f.OldName, f.SymPos)
	if !ok {
		return
	}
	s := o.Image.Symbols[i]
	switch {
	case !strings.ContainsRune("tTwW", rune(s.Type)):
		v.fail(f.OldName, "", "%s is not a function in %s (its type is %c)", f.OldName, o.what(), s.Type)
	case o.Image.Init(s.Addr):
		v.failAs(diag.InitCode, f.OldName, "init code has already run and is freed, so it cannot be patched",
			"%s runs only while %s starts", f.OldName, o.what())
	case !o.traced(s.Addr):
		v.failAs(diag.NoFtraceSite, f.OldName, "", "%s cannot be replaced: ftrace has no place at its entry", f.OldName)
	}
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
