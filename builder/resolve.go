package builder

import (
	"context"
	"debug/elf"
	"maps"
	"path/filepath"
	"slices"

	"kintsugi/elfdiff"
	"kintsugi/internal/baseproof"
	"kintsugi/internal/diag"
	"kintsugi/internal/fault"
	"kintsugi/internal/klp"
	"kintsugi/internal/report"
)

// resolve finds the kernel's own function behind each one that is replaced,
// and names every reference of the extracted objects.
func (r *run) resolve(ctx context.Context, units []*unit) error {
	defer r.timed("resolve")()
	shared := sharedSymbols(units)
	r.checkNew(units, shared)
	promoted := promotedSymbols(units)
	for _, u := range units {
		if !u.reads && u.proof.Improvable() && u.wantsProof() {
			if err := r.provePlain(ctx, u); err != nil {
				return err
			}
			r.unitReport(u).Proof = u.proof.Report()
		}
		r.locate(u)
		for name, addr := range promoted[u.owner.Name] {
			u.proof.Promote(name, addr)
		}
		u.bound = u.owner.Resolve(u.extract, u.proof, shared.naming(u.owner))
		r.rep.References = append(r.rep.References, u.bound.References...)
		r.diagnose(u, append(u.bound.Diagnostics, u.bound.TooLate(u.extract.File)...))
		r.reportContents(u)
	}
	return r.barrier()
}

// promotedSymbols are the addresses of what is static in the running kernel and
// global in the patch, so that other units of the same object can use it.
func promotedSymbols(units []*unit) map[string]map[string]uint64 {
	promoted := map[string]map[string]uint64{}
	for _, u := range units {
		if promoted[u.owner.Name] == nil {
			promoted[u.owner.Name] = map[string]uint64{}
		}
		for _, s := range u.diff.Patched.File.Symbols {
			a := u.diff.Patched.AtomOf(s)
			if s.Bind == elf.STB_LOCAL || a == nil || s.Value != a.Off || a.Twin() == nil || a.Twin().Global() || a.Twin().Name != s.Name {
				continue
			}
			if addr, ok := u.proof.Addr(a.Twin()); ok {
				promoted[u.owner.Name][s.Name] = addr
			}
		}
	}
	return promoted
}

// checkNew refuses global symbols that are new in their units and that the
// object has all the same, in another unit or from what exports it: everybody
// else goes on with those. What the kernel or a module exports is taken for
// code of any object, as it may come to use it.
func (r *run) checkNew(units []*unit, shared sharedNames) {
	checked := map[string]bool{}
	for _, u := range units {
		if checked[u.owner.Name] {
			continue
		}
		checked[u.owner.Name] = true
		for _, name := range slices.Sorted(maps.Keys(shared.defined[u.owner.Name])) {
			_, exported := r.kernel.Exports[name]
			if exported || u.owner.HasGlobal(name) {
				r.refuse(diag.SymbolMoved, "", "Make the change where the kernel has "+name+" now.",
					"the patch defines %s anew, and the kernel has a global symbol of that name already", name)
			}
		}
	}
}

// wantsProof reports whether something that the module needs of the unit has
// no proven address yet.
func (u *unit) wantsProof() bool {
	for _, rep := range u.extract.Replacements {
		if u.proof.Unproven(rep.Func.Old) != "" {
			return true
		}
	}
	for _, e := range u.extract.Externals {
		known := false
		if e.Old != nil {
			_, known = u.proof.Addr(e.Old)
		} else {
			_, known = u.proof.SymbolAddr(e.Name)
		}
		if !known {
			return true
		}
	}
	return false
}

// provePlain proves the unit once more, compiled with its functions together.
func (r *run) provePlain(ctx context.Context, u *unit) error {
	object, err := r.tree().CompilePlain(ctx, u.Unit, filepath.Join(r.work, "plain", filepath.Base(u.Unit.Object)))
	if err != nil {
		return err
	}
	plain, err := load(object)
	if err != nil {
		return fault.Environmentf("%s: %w", u.Unit.Object, err)
	}
	u.proof.Adopt(baseproof.Prove(plain, u.owner.Image))
	return nil
}

// locate finds the function of the image behind each one that is replaced.
func (r *run) locate(u *unit) {
	u.targets = map[*elfdiff.Function]klp.Target{}
	for _, f := range u.diff.Functions {
		if !f.Patch {
			continue
		}
		t, d := u.owner.Replaced(f, u.proof)
		if d != nil {
			r.diagnose(u, []report.Diagnostic{*d})
			continue
		}
		u.targets[f] = t
	}
}
