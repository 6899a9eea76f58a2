package target

import (
	"io/fs"
	"path/filepath"
)

// Part is a part of a target and its size on disk.
type Part struct {
	What  string `json:"what"`
	Path  string `json:"path"`
	Bytes int64  `json:"bytes"`
}

// Parts returns the target's parts with paths and sizes. Modules and headers of a
// local target are outside the store.
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

// size is the sum of the files below path. Unreadable files count as empty.
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
