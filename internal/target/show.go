package target

import "kintsugi/internal/disk"

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
			p.Bytes = disk.Usage(p.Path)
			parts = append(parts, p)
		}
	}
	return parts
}
