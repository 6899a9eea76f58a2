package kbuild

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"kintsugi/internal/fault"
)

// shadow is a view of the tree with some files replaced: real directories on
// the way to these, symbolic links into the tree for everything else. Every
// file has in it the relative path that it has in the tree, and the tree is
// not touched.
type shadow struct {
	tree    string            // absolute, the pristine tree
	root    string            // absolute, the view
	overlay map[string][]byte // replaced files; nil is a file that is not there
	real    map[string]bool   // directories of the view that are directories
}

func newShadow(tree, root string, overlay map[string][]byte) (*shadow, error) {
	s := &shadow{tree: tree, root: root, overlay: overlay, real: map[string]bool{}}
	for file := range overlay {
		if !filepath.IsLocal(file) || path.Clean(file) != file {
			return nil, fault.Inputf("%s: not a path inside the source tree", file)
		}
		if err := s.expose(path.Dir(file)); err != nil {
			return nil, err
		}
	}
	return s, s.expose(".")
}

// expose makes dir and all above it real directories.
func (s *shadow) expose(dir string) error {
	if s.real[dir] {
		return nil
	}
	if dir != "." {
		if err := s.expose(path.Dir(dir)); err != nil {
			return err
		}
	}
	s.real[dir] = true
	if err := s.fill(dir); err != nil {
		return fault.Environmentf("shadow of the source tree: %w", err)
	}
	return nil
}

// fill makes dir a directory with links to what the tree has there, and with
// the replaced files.
func (s *shadow) fill(dir string) error {
	at := filepath.Join(s.root, dir)
	if err := os.Remove(at); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(at, 0o755); err != nil {
		return err
	}
	entries, err := os.ReadDir(filepath.Join(s.tree, dir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		rel := path.Join(dir, e.Name())
		if _, replaced := s.overlay[rel]; replaced {
			continue
		}
		if err := os.Symlink(filepath.Join(s.tree, rel), filepath.Join(s.root, rel)); err != nil {
			return err
		}
	}
	return s.write(dir)
}

// write puts the replaced files of dir into the view.
func (s *shadow) write(dir string) error {
	for file, text := range s.overlay {
		if path.Dir(file) != dir || text == nil {
			continue
		}
		if err := os.WriteFile(filepath.Join(s.root, file), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// leaks returns the directories that have to be exposed because the compiler,
// following one of deps out of a linked directory with "..", got or may have
// got a file of the tree where the view has another one. None: what was
// compiled is what the view shows.
func (s *shadow) leaks(deps []string) ([]string, error) {
	adds := s.addsFiles()
	var dirs []string
	for _, dep := range deps {
		name := path.Clean(dep)
		_, replaced := s.overlay[name]
		if !replaced && !adds {
			continue
		}
		found := len(dirs)
		for _, dir := range ascents(dep) {
			if !s.real[dir] {
				dirs = append(dirs, dir)
			}
		}
		if replaced && len(dirs) == found && !s.owns(dep) {
			return nil, fault.Environmentf("%s is read through a symbolic link of the source tree as %s", name, dep)
		}
	}
	return dirs, nil
}

// owns reports whether the path leads, links followed, to the view's own file.
func (s *shadow) owns(dep string) bool {
	real, err := filepath.EvalSymlinks(s.root + "/" + dep)
	if err != nil {
		return false
	}
	root, err := filepath.EvalSymlinks(s.root)
	return err == nil && real == filepath.Join(root, path.Clean(dep))
}

// addsFiles reports whether the view has files that the tree has not: such a
// file may be looked for where the compiler does not find it, which no
// dependency tells.
func (s *shadow) addsFiles() bool {
	for file, text := range s.overlay {
		if text == nil {
			continue
		}
		if _, err := os.Lstat(filepath.Join(s.tree, file)); err != nil {
			return true
		}
	}
	return false
}
