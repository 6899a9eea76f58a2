package target

import (
	"io/fs"
	"path/filepath"
	"regexp"

	"kintsugi/internal/fault"
	"kintsugi/internal/kofile"
)

// vermagicForm matches the release of a module in its version magic
// (include/linux/vermagic.h).
var vermagicForm = regexp.MustCompile(`vermagic=([^ \x00]+) `)

// checkModules refuses a folder of modules of another release. It reads one module
// only.
func checkModules(dir, release string) error {
	path, err := firstModule(dir)
	if err != nil {
		return err
	}
	data, err := kofile.Read(path)
	if err != nil {
		return err
	}
	m := vermagicForm.FindSubmatch(data)
	if m == nil {
		return fault.Inputf("%s: no vermagic: not a kernel module", path)
	}
	if string(m[1]) != release {
		return fault.Inputf("the image is %s, the modules are of %s", release, m[1]).Hint("found in %s", path)
	}
	return nil
}

func firstModule(dir string) (string, error) {
	found := ""
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() && kofile.Is(path) {
			found = path
			return fs.SkipAll
		}
		return err
	})
	if err != nil {
		return "", fault.Inputf("modules: %w", err)
	}
	if found == "" {
		return "", fault.Inputf("%s has no modules", dir).Hint("use the folder lib/modules/RELEASE")
	}
	return found, nil
}
