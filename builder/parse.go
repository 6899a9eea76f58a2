package builder

import (
	"os"
	"path/filepath"
	"slices"

	"kintsugi/internal/arch"
	"kintsugi/internal/fault"
	"kintsugi/internal/patchfile"
	"kintsugi/internal/report"
)

// readPatches reads the patch files.
func readPatches(paths []string) ([]*patchfile.Patch, error) {
	var patches []*patchfile.Patch
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, fault.Inputf("patch: %w", err)
		}
		p, err := patchfile.Parse(filepath.Base(path), data)
		if err != nil {
			return nil, err
		}
		patches = append(patches, p)
	}
	return patches, nil
}

func describePatches(patches []*patchfile.Patch) []report.Patch {
	var list []report.Patch
	for _, p := range patches {
		list = append(list, report.Patch{Path: p.Name, SHA256: p.SHA256, Files: slices.Sorted(slices.Values(p.Paths()))})
	}
	return list
}

// apply applies the patches to the pristine source in memory.
func apply(s *session, patches []*patchfile.Patch) (*patchfile.Result, []report.Diagnostic, error) {
	tree, err := os.OpenRoot(s.opts.Target.Source)
	if err != nil {
		return nil, nil, fault.Environmentf("source of target %s: %w", s.opts.Target.Name, err)
	}
	defer tree.Close()
	changes, err := patchfile.Apply(tree.FS(), patches)
	if err != nil {
		return nil, nil, err
	}
	found := patchfile.Diagnose(patches, changes, s.arch.Kernel)
	for _, o := range changes.Offsets {
		found = append(found, o.Diagnostic())
	}
	return changes, found, nil
}

// sources are the changed files that can be part of a kernel for a.
func sources(changes *patchfile.Result, a *arch.Arch) []string {
	var paths []string
	for _, c := range changes.Changes {
		if !patchfile.ForeignArch(c.Path, a.Kernel) {
			paths = append(paths, c.Path)
		}
	}
	return paths
}
