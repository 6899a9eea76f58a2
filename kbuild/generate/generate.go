package kbuild

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"

	"kintsugi/internal/fault"
)

// generated returns the files, by path relative to the tree, that kbuild makes
// before it compiles the units and that preparing the tree has not made:
// lib/crc32table.h and its like. The tree's own rules make them in a private
// copy of the directory.
func (t *Tree) generated(ctx context.Context, units []Unit, work string) (map[string][]byte, error) {
	all := map[string][]byte{}
	cache := t.unitCache()
	for _, u := range units {
		if len(u.needs) == 0 {
			continue
		}
		files := map[string][]byte{}
		name := "generated-" + cache.key(u.Source).file()
		if !t.loadCache(name, &files) {
			var err error
			if files, err = t.generate(ctx, u.needs, filepath.Join(work, "generate", path.Clean(u.Object))); err != nil {
				return nil, err
			}
			t.storeCache(name, files)
		}
		for file, text := range files {
			all[file] = text
		}
	}
	return all, nil
}

// generate makes the files in a view of the tree below root.
func (t *Tree) generate(ctx context.Context, needs []string, root string) (map[string][]byte, error) {
	view, err := t.separate(root, needs)
	if err != nil {
		return nil, err
	}
	return t.makeIn(ctx, view, needs)
}

// separate makes a view of the tree at root in which the directories of files
// can be built in.
func (t *Tree) separate(root string, files []string) (*shadow, error) {
	view := &shadow{tree: t.Dir, root: root, real: map[string]bool{}}
	for _, dir := range dirsOf(files) {
		if err := view.detach(dir); err != nil {
			return nil, err
		}
	}
	return view, nil
}

func dirsOf(files []string) []string {
	var dirs []string
	for _, file := range files {
		dirs = append(dirs, path.Dir(file))
	}
	return unique(dirs)
}

// makeIn makes files in a view that is separate for them.
//
// A goal of arch/x86/lib goes to the make of that directory and to the one of
// arch/x86, which knows nothing of it and fails unless the file is there by
// then. So the first run goes on after what fails (-k), and it is the second
// that has to succeed.
func (t *Tree) makeIn(ctx context.Context, view *shadow, needs []string) (map[string][]byte, error) {
	run, done, err := t.make(view.root, needs)
	if err != nil {
		return nil, err
	}
	defer done()
	run.Args = append(run.Args, "-j"+strconv.Itoa(max(1, t.Jobs)))
	all := *run
	all.Args = append(slices.Clone(run.Args), "-k")
	if _, err := all.Run(ctx); err != nil {
		if out, err := run.Run(ctx); err != nil {
			if ctx.Err() != nil {
				return nil, err
			}
			return nil, withEnd(fault.Environmentf("the kernel build broke: generated file %s: %w", needs[0], err), out).
				Hint("run by hand: %s", run.String())
		}
	}
	return view.harvest(needs, dirsOf(needs))
}

// detach makes dir and all below it directories of their own: what is written
// there cannot reach the tree through a link. Files are copied in dir alone,
// since below it nothing is made that preparing the tree has made already.
func (s *shadow) detach(dir string) error {
	if err := s.exposeAll(dir); err != nil {
		return err
	}
	entries, err := os.ReadDir(filepath.Join(s.tree, dir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // kbuild makes directories for what it generates
		return fault.Environmentf("source tree: %w", err)
	}
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		if err := copyFile(filepath.Join(s.tree, dir, e.Name()), filepath.Join(s.root, dir, e.Name())); err != nil {
			return fault.Environmentf("copy of the source tree: %w", err)
		}
	}
	return nil
}

func (s *shadow) exposeAll(dir string) error {
	if err := s.expose(dir); err != nil {
		return err
	}
	entries, err := os.ReadDir(filepath.Join(s.tree, dir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // kbuild makes directories for what it generates
		return fault.Environmentf("source tree: %w", err)
	}
	for _, e := range entries {
		if e.IsDir() {
			if err := s.exposeAll(path.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// copyFile puts a copy of a file, time and mode included, in to's place.
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

// harvest reads the files that were asked for and the headers that came with
// them: security/selinux makes av_permissions.h along with flask.h.
func (s *shadow) harvest(needs, dirs []string) (map[string][]byte, error) {
	files := slices.Clone(needs)
	for _, dir := range dirs {
		headers, err := filepath.Glob(filepath.Join(s.root, dir, "*.h"))
		if err != nil {
			return nil, err
		}
		for _, h := range headers {
			file := path.Join(dir, filepath.Base(h))
			if _, err := os.Lstat(filepath.Join(s.tree, file)); err != nil {
				files = append(files, file)
			}
		}
	}
	made := map[string][]byte{}
	for _, file := range unique(files) {
		text, err := os.ReadFile(filepath.Join(s.root, file))
		if err != nil {
			return nil, fault.Environmentf("generated file: %w", err)
		}
		made[file] = text
	}
	return made, nil
}
