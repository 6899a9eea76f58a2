package builder

import (
	"context"
	"slices"
	"strconv"

	"kintsugi/elfdiff"
	"kintsugi/internal/baseproof"
	"kintsugi/internal/diag"
	"kintsugi/internal/elfobj"
	"kintsugi/internal/fault"
	"kintsugi/internal/klp"
)

// prove finds every original function in the shipped image.
func (r *run) prove(units []*unit) error {
	defer r.timed("prove")()
	for _, u := range units {
		var err error
		if u.orig, err = load(u.Original); err != nil {
			return fault.Environmentf("%s: %w", u.Unit.Object, err)
		}
		u.proof = baseproof.Prove(u.orig, u.owner.Image)
		r.unitReport(u).Proof = u.proof.Report()
	}
	return nil
}

func load(object []byte) (*elfdiff.Object, error) {
	file, err := elfobj.Read(object)
	if err != nil {
		return nil, err
	}
	return elfdiff.Load(file)
}

// diff finds what changed in every unit, and refuses replacing what is not proven.
func (r *run) diff(ctx context.Context, units []*unit) error {
	defer r.timed("diff")()
	for _, u := range units {
		patched, err := load(u.Patched)
		if err != nil {
			return fault.Environmentf("%s (patched): %w", u.Unit.Object, err)
		}
		u.diff = elfdiff.DiffObjects(u.orig, patched)
	}
	shared := sharedSymbols(units)
	r.addExports(shared)
	empty := true
	for _, u := range units {
		if err := r.readKeys(ctx, u, shared); err != nil {
			return err
		}
		if u.owner.Name != klp.Vmlinux {
			u.diff.Late(u.owner.Lacks)
		}
		empty = empty && u.diff.Empty()
		u.traceCauses()
		r.layouts(u)
		r.diagnose(u, u.diff.Diagnostics)
	}
	if err := r.barrier(); err != nil {
		return err
	}
	if empty {
		return r.nothing()
	}
	return nil
}

// nothing is the verdict on a patch that leaves no code to replace: there is
// nothing to do, unless it takes something away that the kernel goes on to use,
// or adds something that others are meant to use.
func (r *run) nothing() error {
	for i := range r.rep.Diagnostics {
		switch d := &r.rep.Diagnostics[i]; d.Code {
		case diag.SymbolRemoved:
			d.Severity, d.Hint = diag.Error, "Leave the name where it is, and change what it does instead."
		case diag.ExportDropped:
			d.Severity, d.Hint = diag.Error, "Put what uses the export into the same patch: nothing else in it has an effect."
		}
	}
	if err := r.barrier(); err != nil {
		return err
	}
	return ErrNothing
}

// extract cuts the objects that the livepatch is linked from, and returns the
// units that are part of it.
func (r *run) extract(units []*unit) ([]*unit, error) {
	defer r.timed("extract")()
	acts := map[string]bool{} // owners with something that the livepatch core is to do
	for i, u := range units {
		x, err := u.diff.Extract("klp" + strconv.Itoa(i) + "_")
		if err != nil {
			return nil, &fault.Error{Class: fault.Bug, Err: err}
		}
		u.extract = x
		if len(x.Replacements)+len(x.Callbacks) > 0 {
			acts[u.owner.Name] = true
		}
	}
	r.say(units)
	if err := r.barrier(); err != nil {
		return nil, err
	}
	if len(acts) == 0 {
		return nil, r.nothing()
	}
	lends := lenders(units)
	return slices.DeleteFunc(units, func(u *unit) bool { return u.owner.Name != klp.Vmlinux && !acts[u.owner.Name] && !lends[u.owner.Name] }), nil
}

// lenders are the modules of which another one uses what the patch exports.
func lenders(units []*unit) map[string]bool {
	users := map[string]map[string]bool{} // owners of code that refers to a name
	for _, u := range units {
		for _, e := range u.extract.Externals {
			if users[e.Name] == nil {
				users[e.Name] = map[string]bool{}
			}
			users[e.Name][u.owner.Name] = true
		}
	}
	lends := map[string]bool{}
	for _, u := range units {
		for _, name := range u.diff.Exports {
			others := len(users[name])
			if users[name][u.owner.Name] {
				others--
			}
			lends[u.owner.Name] = lends[u.owner.Name] || others > 0
		}
	}
	return lends
}
