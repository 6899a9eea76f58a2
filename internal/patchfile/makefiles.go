package patchfile

import (
	"path"
	"slices"

	"kintsugi/internal/makefile"
)

// takeMakefiles removes from the changes the makefiles that only add objects of
// new files, and lists these objects.
func (r *Result) takeMakefiles() {
	isNew := func(source string) bool {
		return slices.ContainsFunc(r.Changes, func(c *Change) bool {
			return c.Path == source && c.From == "" && c.Kind == Source && c.Patched != nil
		})
	}
	r.unread = map[string]string{}
	r.Changes = slices.DeleteFunc(r.Changes, func(c *Change) bool {
		if !isDirMakefile(c) {
			return false
		}
		objects, err := makefile.AddedObjects(c.Path, c.Original, c.Patched, isNew)
		if err != nil {
			r.unread[c.Path] = err.Error()
			return false
		}
		r.Objects = append(r.Objects, objects...)
		r.unread[c.Path] = ""
		return true
	})
}

// isDirMakefile reports whether c changes the makefile that lists what kbuild
// builds in one directory (Documentation/kbuild/makefiles.rst).
func isDirMakefile(c *Change) bool {
	base := path.Base(c.Path)
	return (base == "Makefile" || base == "Kbuild") && path.Dir(c.Path) != "." &&
		c.From == c.Path && c.Patched != nil && !hasPrefix(c.Path, hostDirs)
}
