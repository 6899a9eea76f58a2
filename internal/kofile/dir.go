package kofile

import (
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"kintsugi/internal/fault"
)

// Dir is a folder of modules, as lib/modules/RELEASE is.
type Dir struct {
	path string
	find func() (map[string]string, error)
}

// Open returns the modules in and below a folder.
func Open(path string) *Dir {
	return &Dir{path: path, find: sync.OnceValues(func() (map[string]string, error) { return index(path) })}
}

// Path returns the file of a module. If there is none, the error is fs.ErrNotExist.
func (d *Dir) Path(name string) (string, error) {
	files, err := d.find()
	if err != nil {
		return "", err
	}
	path, ok := files[name]
	if !ok {
		missing := &fs.PathError{Op: "module " + name, Path: d.path, Err: fs.ErrNotExist}
		return "", &fault.Error{Class: fault.Input, Err: missing}
	}
	return path, nil
}

// Read returns the unpacked module with the given name, in the kernel's spelling.
func (d *Dir) Read(name string) ([]byte, error) {
	path, err := d.Path(name)
	if err != nil {
		return nil, err
	}
	return Read(path)
}

// index finds the files by module name. The modules of the kernel are below kernel/. Other folders
// contain modules that were built later, perhaps with the same name.
func index(path string) (map[string]string, error) {
	root := path
	if shipped := filepath.Join(path, "kernel"); isDir(shipped) {
		root = shipped
	}
	files := map[string]string{}
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() && Is(file) {
			files[Name(file)] = file
		}
		return err
	})
	if err != nil {
		return nil, fault.Inputf("modules: %w", err)
	}
	return files, nil
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
