package builder

import (
	"context"
	"errors"
	"io/fs"
	"slices"

	"kintsugi/internal/diag"
	"kintsugi/internal/klp"
	"kintsugi/internal/makefile"
	"kintsugi/internal/patchfile"
	"kintsugi/internal/report"
	"kintsugi/kbuild"
)

// plan finds the translation units that the changed files affect. explained are
// the earlier findings about files of the patch.
func plan(ctx context.Context, s *session, changes *patchfile.Result,
	explained []report.Diagnostic) ([]kbuild.Unit, []report.Diagnostic, error) {
	units, found, err := s.tools.Plan(ctx, sources(changes, s.arch))
	if err != nil {
		return nil, nil, err
	}
	added, more, err := s.tools.PlanNew(ctx, newObjects(changes, s.arch.Kernel))
	if err != nil {
		return nil, nil, err
	}
	units, found = append(units, added...), append(found, more...)
	if len(units) == 0 {
		found = notInKernel(found)
	}
	found = append(found, changes.Removed(func(path string) bool {
		return slices.ContainsFunc(units, func(u kbuild.Unit) bool { return u.Source == path })
	})...)
	for _, u := range units {
		more, err := checkOwners(s.kernel, u)
		if err != nil {
			return units, found, err
		}
		found = append(found, more...)
	}
	if len(units) > 0 || hasErrors(found) {
		return units, found, nil
	}
	found = append(found, unreached(sources(changes, s.arch), slices.Concat(explained, found), nil, diag.Alone)...)
	if hasErrors(found) {
		return nil, found, nil
	}
	return nil, found, nothingError()
}

// newObjects lists the objects that the patch's makefiles name.
func newObjects(changes *patchfile.Result, kernelArch string) []makefile.Object {
	var list []makefile.Object
	for _, o := range changes.Objects {
		if patchfile.ForeignArch(o.Source, kernelArch) {
			continue
		}
		list = append(list, o)
	}
	return list
}

// checkOwners opens the objects that a unit is linked into. If the target does
// not have a module that kbuild would make, there is no code to patch. Units that
// only include a changed header are not checked: the change may not affect them.
func checkOwners(kernel *klp.Kernel, u kbuild.Unit) ([]report.Diagnostic, error) {
	if u.Header {
		return nil, nil
	}
	return missingOwners(kernel, u)
}

func missingOwners(kernel *klp.Kernel, u kbuild.Unit) ([]report.Diagnostic, error) {
	var found []report.Diagnostic
	for _, owner := range u.Owners() {
		_, err := kernel.Owner(owner)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			d := finding(diag.NotInKernel, u.Source, "Only modules of the target can be patched.",
				"%s belongs to the module %s, which is not among those of the target", u.Source, owner)
			found = append(found, d.In(diag.NotShipped))
		case err != nil:
			return nil, err
		}
	}
	return found, nil
}

// notInKernel turns warnings about files that this kernel does not have into
// errors. The patch has no other file.
func notInKernel(found []report.Diagnostic) []report.Diagnostic {
	found = slices.Clone(found)
	for i := range found {
		if found[i].Code == diag.NotInKernel {
			found[i] = found[i].In(diag.Alone)
		}
	}
	return found
}

// unreached reports the changed files that are part of no unit, except files that
// have a finding in explained. read lists the files that units were compiled
// from. in is the case of the new findings.
func unreached(files []string, explained []report.Diagnostic, read []string, in diag.Case) []report.Diagnostic {
	known := map[string]bool{}
	for _, d := range explained {
		if d.Code != diag.PatchOffset && d.Code != diag.PatchFuzz {
			known[d.Source] = true
		}
	}
	var list []report.Diagnostic
	for _, file := range files {
		if !known[file] && !slices.Contains(read, file) {
			list = append(list, report.Found(report.Diagnostic{Code: diag.NotInKernel, Source: file,
				Message: file + " is part of no unit of this kernel",
				Hint:    "a new file needs a line in its directory's makefile, or a unit that includes it"}).In(in))
		}
	}
	return list
}

// describePlanned reports the units of changed C files.
func describePlanned(units []kbuild.Unit) []report.Unit {
	var list []report.Unit
	for _, u := range units {
		if u.Header {
			continue
		}
		for _, owner := range u.Owners() {
			list = append(list, describeUnit(u, owner))
		}
	}
	return list
}

func describeUnit(u kbuild.Unit, owner string) report.Unit {
	return report.Unit{Source: u.Source, Object: u.Object, Owner: owner, New: u.New}
}
