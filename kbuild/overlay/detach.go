package overlay

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"

	"kintsugi/internal/fault"
	"kintsugi/kbuild"
)

// Buildable creates a view of the tree at root in which kbuild can make files.
func Buildable(tree, root string, files []string) (*View, error) {
	v := &View{tree: tree, Root: root, real: map[string]bool{}}
	for _, dir := range dirsOf(files) {
		if err := v.detach(dir); err != nil {
			return nil, err
		}
	}
	return v, nil
}

func dirsOf(files []string) []string {
	var dirs []string
	for _, file := range files {
		dirs = append(dirs, path.Dir(file))
	}
	return kbuild.Set(dirs)
}

// detach makes dir and everything below it directories of the view, so that nothing written there
// can reach the tree through a link. Only the files of dir itself are copied, because nothing is
// made below it that preparing the tree has already made.
func (v *View) detach(dir string) error {
	if err := v.exposeAll(dir); err != nil {
		return err
	}
	entries, err := v.readTree(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		if err := copyFile(filepath.Join(v.tree, dir, e.Name()), filepath.Join(v.Root, dir, e.Name())); err != nil {
			return fault.Environmentf("copy of the source tree: %w", err)
		}
	}
	return nil
}

func (v *View) exposeAll(dir string) error {
	if err := v.Expose(dir); err != nil {
		return err
	}
	entries, err := v.readTree(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() {
			if err := v.exposeAll(path.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// readTree lists a directory of the tree. The directory may be missing, because kbuild creates
// directories for generated files.
func (v *View) readTree(dir string) ([]fs.DirEntry, error) {
	entries, err := os.ReadDir(filepath.Join(v.tree, dir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Environmentf("source tree: %w", err)
	}
	return entries, nil
}

// copyFile replaces to by a copy of from, with its time and mode.
func copyFile(from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.Remove(to); err != nil {
		return err
	}
	if err := os.WriteFile(to, text, info.Mode().Perm()|0o200); err != nil {
		return err
	}
	return os.Chtimes(to, info.ModTime(), info.ModTime())
}

// Harvest reads files that kbuild made in the view, and the headers made along with them:
// security/selinux makes av_permissions.h along with flask.h.
func (v *View) Harvest(made []string) (map[string][]byte, error) {
	files := slices.Clone(made)
	for _, dir := range dirsOf(made) {
		headers, err := filepath.Glob(filepath.Join(v.Root, dir, "*.h"))
		if err != nil {
			return nil, err
		}
		for _, h := range headers {
			if file := path.Join(dir, filepath.Base(h)); !v.inTree(file) {
				files = append(files, file)
			}
		}
	}
	texts := map[string][]byte{}
	for _, file := range files {
		text, err := os.ReadFile(filepath.Join(v.Root, file))
		if err != nil {
			return nil, fault.Environmentf("generated file: %w", err)
		}
		texts[file] = text
	}
	return texts, nil
}

// Headers returns all headers that were made in the view.
func (v *View) Headers() map[string][]byte {
	made := map[string][]byte{}
	for dir := range v.real {
		entries, _ := os.ReadDir(filepath.Join(v.Root, dir))
		for _, e := range entries {
			file := path.Join(dir, e.Name())
			if !e.Type().IsRegular() || path.Ext(file) != ".h" || v.inTree(file) {
				continue
			}
			if text, err := os.ReadFile(filepath.Join(v.Root, file)); err == nil {
				made[file] = text
			}
		}
	}
	return made
}

func (v *View) inTree(file string) bool {
	_, err := os.Lstat(filepath.Join(v.tree, file))
	return err == nil
}

// Dirs returns the directories of the view that are not links, sorted.
func (v *View) Dirs() []string { return slices.Sorted(maps.Keys(v.real)) }
