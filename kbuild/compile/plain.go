package kbuild

import (
	"context"
	"path/filepath"
	"slices"

	"kintsugi/internal/fault"
)

// CompilePlain compiles the pristine unit as the kernel's own build does,
// all functions in one section. Only then can the assembler shorten jumps from
// one function to another, so there are functions that are byte for byte the
// shipped ones in no other form. All that is written is below work.
func (t *Tree) CompilePlain(ctx context.Context, u Unit, work string) ([]byte, error) {
	work, err := filepath.Abs(work)
	if err != nil {
		return nil, fault.Environmentf("work directory: %w", err)
	}
	made, err := t.generated(ctx, []Unit{u}, work)
	if err != nil {
		return nil, err
	}
	view, err := newShadow(t.Dir, filepath.Join(work, "pristine"), made)
	if err != nil {
		return nil, err
	}
	j := &job{unit: &u, tree: t, view: view, out: filepath.Join(work, "plain"), plain: true}
	if err := t.runAll(ctx, []*job{j}); err != nil {
		return nil, err
	}
	return j.object, nil
}

// isSplit is for the options that give every function and datum a section.
func isSplit(option string) bool {
	return slices.Contains([]string{"-ffunction-sections", "-fdata-sections"}, option)
}
