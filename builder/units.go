package builder

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"

	"kintsugi/elfdiff"
	"kintsugi/internal/baseproof"
	"kintsugi/internal/diag"
	"kintsugi/internal/fault"
	"kintsugi/internal/klp"
	"kintsugi/internal/patchfile"
	"kintsugi/internal/report"
	"kintsugi/kbuild"
)

// unit is one translation unit on its way through the stages. One that is
// linked into several modules is a unit for each of them.
type unit struct {
	kbuild.Pair
	owner   *klp.Owner                   // that has the unit's code
	changes map[string]*patchfile.Change // by path

	orig    *elfdiff.Object
	proof   *baseproof.Proof
	diff    *elfdiff.Result
	extract *elfdiff.Extract
	targets map[*elfdiff.Function]klp.Target // where each replaced function is
	bound   *klp.Resolution                  // what the extract's references are
	reads   bool                             // was compiled to read static keys
}

func (r *run) tree() *kbuild.Tree {
	t := r.opts.Target
	return &kbuild.Tree{Dir: t.Source, CC: t.CC, CacheDir: filepath.Join(t.Dir, "units"), Jobs: r.opts.Jobs, Cage: t.Cage(r.work),
		Launcher: r.opts.Launcher, Progress: r.opts.Progress}
}

// plan finds the translation units that the changed files reach.
func (r *run) plan(ctx context.Context, changes *patchfile.Result) ([]kbuild.Unit, error) {
	defer r.timed("plan")()
	units, diags, err := r.tree().Plan(ctx, changedPaths(changes))
	if err != nil {
		return nil, err
	}
	added, more, err := r.tree().PlanNew(ctx, newObjects(changes))
	if err != nil {
		return nil, err
	}
	units, diags = append(units, added...), append(diags, more...)
	if len(units) == 0 {
		notInKernel(diags)
	}
	r.rep.Diagnostics = append(r.rep.Diagnostics, diags...)
	for _, u := range units {
		if u.Header {
			continue // whether it is concerned at all is seen when it is compiled
		}
		if err := r.addUnit(u); err != nil {
			return nil, err
		}
	}
	if err := r.barrier(); err != nil {
		return nil, err
	}
	if len(units) == 0 {
		return nil, r.unreached(nil, nil, changes, diag.Error)
	}
	return units, nil
}

// addUnit puts a unit that is concerned into the report.
func (r *run) addUnit(u kbuild.Unit) error {
	for _, owner := range u.Owners() {
		r.rep.Units = append(r.rep.Units, report.Unit{Source: u.Source, Object: u.Object, Owner: owner, New: u.New})
		if err := r.checkOwner(u, owner); err != nil {
			return err
		}
	}
	return nil
}

// newObjects are the objects that the patch's makefiles name.
func newObjects(changes *patchfile.Result) []kbuild.NewObject {
	var list []kbuild.NewObject
	for _, o := range changes.Objects {
		if patchfile.ForeignArch(o.Source, sourceArch) {
			continue
		}
		list = append(list, kbuild.NewObject{Source: o.Source, Makefile: o.Makefile(), List: o.List, When: o.When})
	}
	return list
}

// checkOwner opens what a unit is linked into. A module that kbuild would
// make, and that the target was not shipped with, has no code to patch.
func (r *run) checkOwner(u kbuild.Unit, owner string) error {
	_, err := r.kernel.Owner(owner)
	if errors.Is(err, fs.ErrNotExist) {
		r.refuse(diag.NotInKernel, u.Source, "Only modules that came with the target can be patched.",
			"%s belongs to the module %s, which is not among those of the target", u.Source, owner)
		return nil
	}
	return err
}

// unitReport is where the report tells of u.
func (r *run) unitReport(u *unit) *report.Unit {
	i := slices.IndexFunc(r.rep.Units, func(t report.Unit) bool { return t.Object == u.Unit.Object && t.Owner == u.owner.Name })
	return &r.rep.Units[i]
}

// changedPaths are the changed files that can be part of this kernel.
func changedPaths(changes *patchfile.Result) []string {
	var paths []string
	for _, c := range changes.Changes {
		if !patchfile.ForeignArch(c.Path, sourceArch) {
			paths = append(paths, c.Path)
		}
	}
	return paths
}

// notInKernel makes refusals of the warnings about files that this kernel
// does not have: there is nothing else in the patch.
func notInKernel(diags []report.Diagnostic) {
	for i := range diags {
		if diags[i].Code == diag.NotInKernel {
			diags[i].Severity = diag.Error
		}
	}
}

// unreached says which changed files no unit was compiled from. Where no file
// at all is left to say something about, the patch changes nothing.
func (r *run) unreached(pairs []kbuild.Pair, read []string, changes *patchfile.Result, severity diag.Severity) error {
	said := map[string]bool{}
	for _, d := range r.rep.Diagnostics {
		if d.Code != diag.PatchOffset {
			said[d.Source] = true
		}
	}
	for _, file := range changedPaths(changes) {
		if !said[file] && !slices.Contains(read, file) {
			r.rep.Diagnostics = append(r.rep.Diagnostics, report.Diagnostic{Code: diag.NotInKernel, Severity: severity, Source: file,
				Message: file + " is part of no unit of this kernel", Hint: "a new file needs a line in its directory's makefile, or a unit that includes it"})
		}
	}
	if err := r.barrier(); err != nil || len(pairs) > 0 {
		return err
	}
	return ErrNothing
}

// compile makes the pair of objects of every unit. Line numbers are pinned,
// so that code which only moved stays the same; where the compiler refuses the
// patched source, it is asked once more without, for the numbers that a person
// sees in the file.
func (r *run) compile(ctx context.Context, planned []kbuild.Unit, changes *patchfile.Result) ([]*unit, error) {
	defer r.timed("compile")()
	byPath := map[string]*patchfile.Change{}
	for _, c := range changes.Changes {
		byPath[c.Path] = c
	}
	wantTypes(planned, changes)
	pairs, read, err := r.pairs(ctx, planned, overlay(changes, true), filepath.Join(r.work, "units"))
	if fault.CodeOf(err) == diag.PatchCompile {
		byPath = nil // the numbers in debug info are others
		pairs, read, err = r.pairs(ctx, planned, overlay(changes, false), filepath.Join(r.work, "unpinned"))
	}
	if err != nil {
		return nil, err
	}
	severity := diag.Warning
	if len(read) == 0 {
		severity = diag.Error
	}
	if err := r.unreached(pairs, read, changes, severity); err != nil {
		return nil, err
	}
	var units []*unit
	for _, p := range pairs {
		for _, owner := range p.Unit.Owners() {
			owned, err := r.kernel.Owner(owner)
			if err != nil {
				return nil, err
			}
			units = append(units, &unit{Pair: p, owner: owned, changes: byPath})
		}
	}
	return units, nil
}

// pairs compiles the units: those of changed C files, and those that changed
// headers make another object of. It returns the changed files they were made
// of, too.
func (r *run) pairs(ctx context.Context, planned []kbuild.Unit, overlay map[string][]byte, work string) ([]kbuild.Pair, []string, error) {
	var own, others []kbuild.Unit
	for _, u := range planned {
		if u.Header {
			others = append(others, u)
		} else {
			own = append(own, u)
		}
	}
	changed := slices.Sorted(maps.Keys(overlay))
	addHeaders(overlay)
	r.overlay = overlay
	pairs, err := r.tree().Compile(ctx, own, overlay, filepath.Join(work, "own"))
	if err != nil {
		return nil, nil, err
	}
	sides, err := r.tree().CheckSides(ctx, changed, overlay, filepath.Join(work, "sides"))
	if err != nil {
		return nil, nil, err
	}
	r.rep.Diagnostics = append(r.rep.Diagnostics, sides...)
	if err := r.barrier(); err != nil {
		return nil, nil, err
	}
	reached, read, err := r.tree().CompileHeaders(ctx, others, overlay, filepath.Join(work, "others"))
	if err != nil {
		return nil, nil, err
	}
	read = append(read, kbuild.Reached(pairs)...)
	for _, p := range reached {
		if r.shipped(p.Unit) {
			pairs = append(pairs, p)
			err = errors.Join(err, r.addUnit(p.Unit))
		}
	}
	return pairs, read, errors.Join(err, r.barrier())
}

// shipped reports whether the target came with what a unit is linked into. A
// header may reach modules that it did not.
func (r *run) shipped(u kbuild.Unit) bool {
	return slices.ContainsFunc(u.Owners(), func(owner string) bool {
		_, err := r.kernel.Owner(owner)
		return !errors.Is(err, fs.ErrNotExist)
	})
}

// overlay is what the patch makes of the tree: contents by path, nil for what
// is gone.
func overlay(changes *patchfile.Result, pinned bool) map[string][]byte {
	files := map[string][]byte{}
	for _, c := range changes.Changes {
		switch {
		case c.Patched == nil:
			files[c.Path] = nil
		case pinned:
			files[c.Path] = c.Pinned
		default:
			files[c.Path] = c.Patched
		}
	}
	return files
}
