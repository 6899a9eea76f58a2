package patchfile

import (
	"errors"
	"io/fs"
	"path"
	"strings"
	"unicode"

	"kintsugi/internal/fault"
)

// maxPath is the kernel's PATH_MAX.
const maxPath = 4096

// checkPath refuses a path that is not clearly a path inside the tree.
func checkPath(name string) error {
	switch {
	case name == "":
		return fault.Inputf("file without a name")
	case len(name) > maxPath:
		return fault.Inputf("path of %d bytes", len(name))
	case strings.ContainsFunc(name, unicode.IsControl):
		return fault.Inputf("control character in the path %q", name)
	case strings.HasPrefix(name, "/"):
		return fault.Inputf("absolute path %q", name)
	case name == "..", strings.HasPrefix(name, "../"), strings.Contains(name, "/../"), strings.HasSuffix(name, "/.."):
		return fault.Inputf("path %q leaves the source tree", name).
			Hint("paths in a patch begin with a directory that is removed (a/fs/x.c), and stay inside the tree")
	case !fs.ValidPath(name) || name == ".":
		return fault.Inputf("path %q is not a file's", name)
	}
	return nil
}

// maxFile limits a source file, in bytes; the largest in a kernel tree are
// register headers of about 20 MiB.
const maxFile = 64 << 20

// readRegular reads a file of the tree. It refuses symbolic links on the way, also
// links that stay in the tree: a file with two names would be compiled without its
// patch under the other name. If there is no such file, the error wraps
// fs.ErrNotExist.
func readRegular(tree fs.FS, name string) ([]byte, error) {
	for _, dir := range parents(name) {
		info, err := fs.Lstat(tree, dir)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, err
		case err != nil:
			return nil, &fault.Error{Class: fault.Environment, Err: err}
		case info.Mode()&fs.ModeSymlink != 0:
			return nil, fault.Inputf("%s is reached through the symbolic link %s", name, dir).
				Hint("patch the file under its own name")
		case dir != name && !info.IsDir():
			return nil, fs.ErrNotExist
		case dir == name && !info.Mode().IsRegular():
			return nil, fault.Inputf("%s is not a regular file", name)
		case dir == name && info.Size() > maxFile:
			return nil, fault.Inputf("%s has more than %d MiB", name, maxFile>>20)
		}
	}
	data, err := fs.ReadFile(tree, name)
	if err != nil {
		return nil, &fault.Error{Class: fault.Environment, Err: err}
	}
	return data, nil
}

// parents lists the directories above name from the top down, and name.
func parents(name string) []string {
	if name == "." {
		return nil
	}
	return append(parents(path.Dir(name)), name)
}
