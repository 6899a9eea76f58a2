package builder

import (
	"os"
	"path/filepath"
	"sort"

	"kintsugi/internal/fault"
	"kintsugi/internal/klp"
	"kintsugi/internal/kofile"
	"kintsugi/internal/patchfile"
	"kintsugi/internal/report"
)

// parse reads the patches and applies them to the pristine tree in memory.
func (r *run) parse() (*patchfile.Result, error) {
	defer r.timed("parse")()
	var patches []*patchfile.Patch
	for _, path := range r.opts.Patches {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, fault.Inputf("patch: %w", err)
		}
		p, err := patchfile.Parse(filepath.Base(path), data)
		if err != nil {
			return nil, err
		}
		patches = append(patches, p)
		files := p.Paths()
		sort.Strings(files)
		r.rep.Patches = append(r.rep.Patches, report.Patch{Path: p.Name, SHA256: p.SHA256, Files: files})
	}
	tree, err := os.OpenRoot(r.opts.Target.Source)
	if err != nil {
		return nil, fault.Environmentf("source of target %s: %w", r.opts.Target.Name, err)
	}
	defer tree.Close()
	changes, err := patchfile.Apply(tree.FS(), patches)
	if err != nil {
		return nil, err
	}
	r.rep.Diagnostics = append(r.rep.Diagnostics, patchfile.Diagnose(patches, changes, sourceArch)...)
	for _, o := range changes.Offsets {
		r.rep.Diagnostics = append(r.rep.Diagnostics, o.Diagnostic())
	}
	return changes, r.barrier()
}

// sourceArch is the directory below arch/ that belongs to x86_64, the only
// architecture that targets have so far.
const sourceArch = "x86"

// open reads the shipped image and the exports of the target.
func (r *run) open() error {
	defer r.timed("open")()
	kernel, err := klp.OpenKernel(r.opts.Target.Vmlinux, r.opts.Target.Symvers)
	if err != nil {
		return err
	}
	r.kernel = kernel
	if dir := r.opts.Target.Modules; dir != "" {
		kernel.ReadModule = kofile.Open(dir).Read
	}
	return nil
}
