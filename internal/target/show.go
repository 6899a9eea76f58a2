package target

import (
	"io/fs"
	"path/filepath"
)

// Part is one thing that a target consists of and what it takes on disk.
type Part struct {
	What  string `json:"what"`
	Path  string `json:"path"`
	Bytes int64  `json:"bytes"`
}

// Parts returns where the target's parts are, with their sizes. Modules and
// headers of a local target lie outside of the store.
func (t *Target) Parts() []Part {
	var parts []Part
	for _, p := range []Part{
		{What: "source", Path: t.Source}, {What: "headers", Path: t.Headers}, {What: "config", Path: t.Config},
		{What: "image", Path: t.Image}, {What: "vmlinux", Path: t.Vmlinux}, {What: "modules", Path: t.Modules},
		{What: "debug vmlinux", Path: t.DebugVmlinux},
	} {
		if p.Path != "" {
			p.Bytes = size(p.Path)
			parts = append(parts, p)
		}
	}
	return parts
}

// size adds up the files under path. What cannot be read counts as nothing.
func size(path string) int64 {
	var sum int64
	_ = filepath.WalkDir(path, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		if info, err := entry.Info(); err == nil && info.Mode().IsRegular() {
			sum += info.Size()
		}
		return nil
	})
	return sum
}
