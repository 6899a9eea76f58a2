package kbuild

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

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
	adds    bool              // a patch adds files to the tree
	real    map[string]bool   // directories of the view that are directories
}

// newShadow makes the view at root, which must not exist yet. With nothing to
// replace it is the tree itself.
func newShadow(tree, root string, overlay map[string][]byte) (*shadow, error) {
	if len(overlay) == 0 {
		return &shadow{tree: tree, root: tree}, nil
	}
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

// leaks returns the directories that have to be real because the compiler,
// following one of deps out of a linked one with "..", got or may have got a
// file of the tree where the view has another. None: what was compiled is what
// the view shows.
func (s *shadow) leaks(deps []string) ([]string, error) {
	if len(s.overlay) == 0 {
		return nil, nil
	}
	var dirs []string
	for _, dep := range deps {
		_, replaced := s.overlay[path.Clean(dep)]
		if !replaced && !s.adds {
			continue
		}
		linked := s.linked(ascents(dep))
		dirs = append(dirs, linked...)
		if replaced && len(linked) == 0 && !s.owns(dep) {
			return nil, fault.Environmentf("%s is read from outside of the patched tree, as %s", path.Clean(dep), dep)
		}
	}
	return unique(dirs), nil
}

// linked returns those of dirs that the view has as, or below, a link.
func (s *shadow) linked(dirs []string) []string {
	return slices.DeleteFunc(dirs, func(dir string) bool { return s.real[dir] })
}

// owns reports whether the path leads, links followed, to the view's own file
// or, where that is deleted, to nothing.
func (s *shadow) owns(dep string) bool {
	real, err := filepath.EvalSymlinks(s.root + "/" + dep)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	root, err := filepath.EvalSymlinks(s.root)
	return err == nil && real == filepath.Join(root, path.Clean(dep))
}

// adds reports whether overlay has files that the tree has not: such a file
// may be looked for where the compiler does not find it, which no dependency
// tells.
func (t *Tree) adds(overlay map[string][]byte) bool {
	for file, text := range overlay {
		if _, err := os.Lstat(filepath.Join(t.Dir, file)); err != nil && text != nil {
			return true
		}
	}
	return false
}
