package builder

import (
	"errors"
	"os"
	"slices"

	"kintsugi/internal/arch"
	"kintsugi/internal/consent"
	"kintsugi/internal/fault"
	"kintsugi/internal/patchfile"
	"kintsugi/internal/patchinput"
	"kintsugi/internal/report"
)

// parse reads the patches and applies them to the pristine source. It runs before
// the slow steps of opening the target.
func parse(opts Options, rec *record) (*patchfile.Result, error) {
	rec.stage("parse")
	patches, given, err := readPatches(opts.Patches)
	if err != nil {
		return nil, err
	}
	rec.accepts = append(rec.accepts, given...)
	changes, found, err := apply(opts, patches)
	rec.rep.Patches = describePatches(patches)
	return changes, rec.note(found, err)
}

// readPatches reads the patches, and the consents in their descriptions.
func readPatches(args []string) ([]*patchfile.Patch, []consent.Given, error) {
	files, err := patchinput.Read(args, os.Stdin)
	if err != nil {
		return nil, nil, err
	}
	var patches []*patchfile.Patch
	var accepts []consent.Given
	for _, file := range files {
		p, err := patchfile.Parse(file.Name, file.Data)
		if err != nil {
			return nil, nil, err
		}
		given, err := consent.Trailers(p.Name, string(file.Data))
		if err != nil {
			return nil, nil, err
		}
		patches, accepts = append(patches, p), append(accepts, given...)
	}
	return patches, accepts, nil
}

func describePatches(patches []*patchfile.Patch) []report.Patch {
	var list []report.Patch
	for _, p := range patches {
		files := slices.Sorted(slices.Values(p.Paths()))
		list = append(list, report.Patch{Path: p.Name, SHA256: p.SHA256, Files: files})
	}
	return list
}

// apply applies the patches to the pristine source in memory.
func apply(opts Options, patches []*patchfile.Patch) (*patchfile.Result, []report.Diagnostic, error) {
	t := opts.Target
	machine, err := arch.ByName(t.Arch)
	if err != nil {
		return nil, nil, fault.Environmentf("target %s: %w", t.Name, err)
	}
	tree, err := os.OpenRoot(t.Source)
	if err != nil {
		return nil, nil, fault.Environmentf("source of target %s: %w", t.Name, err)
	}
	defer tree.Close()
	changes, err := patchfile.Apply(tree.FS(), patches, patchfile.Options{Fuzz: opts.Fuzz})
	if err != nil && patchfile.AppliedBefore(tree.FS(), patches) {
		return nil, appliedBefore(patches), errFixed
	}
	if err != nil {
		return nil, nil, err
	}
	found := patchfile.Diagnose(patches, changes, machine.Kernel)
	for _, o := range changes.Offsets {
		found = append(found, o.Diagnostic())
	}
	for _, f := range changes.Fuzzes {
		found = append(found, f.Diagnostic())
	}
	return changes, found, nil
}

// errFixed ends a build whose patches are in the kernel already. It does not leave
// this package: Build returns the verdict report.Fixed without an error.
var errFixed = errors.New("the kernel already has this change")

func appliedBefore(patches []*patchfile.Patch) []report.Diagnostic {
	var found []report.Diagnostic
	for _, p := range patches {
		found = append(found, p.AppliedDiagnostic())
	}
	return found
}

// sources lists the changed files that can be part of a kernel for a.
func sources(changes *patchfile.Result, a *arch.Arch) []string {
	var paths []string
	for _, c := range changes.Changes {
		if !patchfile.ForeignArch(c.Path, a.Kernel) {
			paths = append(paths, c.Path)
		}
	}
	return paths
}
