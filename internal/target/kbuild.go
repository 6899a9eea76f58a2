package target

import (
	"path/filepath"

	"kintsugi/internal/arch"
	"kintsugi/internal/fault"
	"kintsugi/kbuild"
)

// Machine is the target's architecture.
func (t *Target) Machine() (*arch.Arch, error) {
	machine, err := arch.ByName(t.Arch)
	if err != nil {
		return nil, fault.Environmentf("target %s: %w", t.Name, err)
	}
	return machine, nil
}

// Tree is the target's source tree for kbuild. The target keeps kbuild's answers. Up
// to jobs compilers run at once.
func (t *Target) Tree(machine *arch.Arch, jobs int) *kbuild.Tree {
	return &kbuild.Tree{Dir: t.Source, Arch: machine, CC: t.CC, CacheDir: filepath.Join(t.Dir, "units"), Jobs: jobs}
}
