package target

import (
	"path/filepath"

	"kintsugi/internal/arch"
	"kintsugi/internal/fault"
	"kintsugi/kbuild"
)

// Tree is the target's source tree for kbuild, whose answers are kept with the
// target. Up to jobs compilers run at once.
func (t *Target) Tree(jobs int) (*kbuild.Tree, error) {
	machine, err := arch.ByName(t.Arch)
	if err != nil {
		return nil, fault.Environmentf("target %s: %w", t.Name, err)
	}
	return &kbuild.Tree{Dir: t.Source, Arch: machine, CC: t.CC, CacheDir: filepath.Join(t.Dir, "units"), Jobs: jobs}, nil
}
