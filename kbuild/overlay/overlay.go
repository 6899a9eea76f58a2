// Package overlay creates views of a source tree in which some files are replaced. The tree itself
// is not touched.
package overlay

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"kintsugi/internal/fault"
	"kintsugi/kbuild"
)

// View is a view of a tree with some files replaced. The directories that contain replaced files
// are real, and everything else is a symbolic link into the tree. Every file has the same relative
// path in the view and in the tree.
type View struct {
	Root string // absolute path of the view, or of the tree if nothing is replaced

	tree  string            // absolute path of the pristine tree
	files map[string][]byte // replaced files; nil: deleted
	adds  bool              // the patch adds files to the tree
	real  map[string]bool   // directories of the view that are not links
}

// New creates a view of tree at root, which must not exist yet. files replace those of the tree.
// Their keys are paths relative to the tree; a nil value deletes the file.
func New(tree, root string, files map[string][]byte) (*View, error) {
	if len(files) == 0 {
		return &View{tree: tree, Root: tree}, nil
	}
	v := &View{tree: tree, Root: root, files: files, real: map[string]bool{}}
	for file := range files {
		if !filepath.IsLocal(file) || path.Clean(file) != file {
			return nil, fault.Inputf("%s: not a path inside the source tree", file)
		}
		if err := v.Expose(path.Dir(file)); err != nil {
			return nil, err
		}
	}
	return v, v.Expose(".")
}

// Patched is New with the files that a patch changes, and with generated files (others) that the
// tree does not have.
func Patched(tree, root string, others, changed map[string][]byte) (*View, error) {
	files := map[string][]byte{}
	for _, list := range []map[string][]byte{others, changed} {
		for file, text := range list {
			files[file] = text
		}
	}
	v, err := New(tree, root, files)
	if err != nil {
		return nil, err
	}
	v.adds = addsFiles(tree, changed)
	return v, nil
}

// addsFiles reports whether a patch adds files to the tree. The compiler may search for such a file
// and not find it, which dependencies do not show.
func addsFiles(tree string, changed map[string][]byte) bool {
	for file, text := range changed {
		if _, err := os.Lstat(filepath.Join(tree, file)); err != nil && text != nil {
			return true
		}
	}
	return false
}

// AddsFiles reports whether the patch of the view adds files to the tree.
func (v *View) AddsFiles() bool { return v.adds }

// Expose makes dir and all directories above it real.
func (v *View) Expose(dir string) error {
	if v.real[dir] || v.real == nil {
		return nil
	}
	if dir != "." {
		if err := v.Expose(path.Dir(dir)); err != nil {
			return err
		}
	}
	v.real[dir] = true
	if err := v.fill(dir); err != nil {
		return fault.Environmentf("view of the source tree: %w", err)
	}
	return nil
}

// fill makes dir a directory with its replaced files, and with links to everything else that the
// tree has there.
func (v *View) fill(dir string) error {
	at := filepath.Join(v.Root, dir)
	if err := os.Remove(at); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(at, 0o755); err != nil {
		return err
	}
	entries, err := os.ReadDir(filepath.Join(v.tree, dir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		rel := path.Join(dir, e.Name())
		if _, replaced := v.files[rel]; replaced {
			continue
		}
		if err := os.Symlink(filepath.Join(v.tree, rel), filepath.Join(v.Root, rel)); err != nil {
			return err
		}
	}
	return v.write(dir)
}

// write writes the replaced files of dir.
func (v *View) write(dir string) error {
	for file, text := range v.files {
		if path.Dir(file) != dir || text == nil {
			continue
		}
		if err := os.WriteFile(filepath.Join(v.Root, file), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Escapes returns the directories that must become real. The compiler followed one of deps through
// a linked directory and "..", so it may have read a file of the tree instead of the view's. If
// there are none, the compiler read only what the view contains.
func (v *View) Escapes(deps []string) ([]string, error) {
	if len(v.files) == 0 {
		return nil, nil
	}
	var dirs []string
	for _, dep := range deps {
		_, replaced := v.files[path.Clean(dep)]
		if !replaced && !v.adds {
			continue
		}
		linked := v.linked(ascents(dep))
		dirs = append(dirs, linked...)
		if replaced && len(linked) == 0 && !v.owns(dep) {
			return nil, fault.Environmentf("%s is read from outside the patched tree, as %s", path.Clean(dep), dep)
		}
	}
	return kbuild.Set(dirs), nil
}

// linked returns those of dirs that are links in the view, or below a link.
func (v *View) linked(dirs []string) []string {
	return slices.DeleteFunc(dirs, func(dir string) bool { return v.real[dir] })
}

// owns reports whether the path, with links followed, leads to the view's own file. If the file is
// deleted, it must lead to nothing.
func (v *View) owns(dep string) bool {
	real, err := filepath.EvalSymlinks(v.Root + "/" + dep)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	root, err := filepath.EvalSymlinks(v.Root)
	return err == nil && real == filepath.Join(root, path.Clean(dep))
}

// ascents returns the directories that p leaves again with "..": include/trace and include for
// include/trace/../../fs/x.h. If one of them is a symbolic link, p leads to another file than its
// clean form.
func ascents(p string) []string {
	var out []string
	parts := strings.Split(p, "/")
	for i, part := range parts {
		if part == ".." {
			if dir := path.Join(parts[:i]...); dir != "" && !strings.HasPrefix(dir, "..") {
				out = append(out, dir)
			}
		}
	}
	slices.Sort(out)
	return out
}

// Replace replaces the text of a file of the view; nil removes the file.
func (v *View) Replace(file string, text []byte) error {
	if err := v.Expose(path.Dir(file)); err != nil {
		return err
	}
	at := filepath.Join(v.Root, file)
	if err := os.Remove(at); err != nil && !os.IsNotExist(err) {
		return fault.Environmentf("view of the source tree: %w", err)
	}
	if text == nil {
		return nil
	}
	if err := os.WriteFile(at, text, 0o644); err != nil {
		return fault.Environmentf("view of the source tree: %w", err)
	}
	return nil
}
