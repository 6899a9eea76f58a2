// Package publish puts the files of a result into a folder in one step: a process that
// is killed at any time leaves either the earlier or the new result.
package publish

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Result is a set of files that belong together.
type Result struct {
	Files map[string][]byte // by path in the folder, with slashes
	Mark  string            // the file that shows that the result is complete
	Stale []string          // entries of the folder that belong to an earlier result
}

// errInPlace reports that the folder cannot be exchanged as a whole.
var errInPlace = errors.New("the folder has to stay")

// Replace puts the files of r into the folder dir, and removes those of the earlier
// result. A missing folder is created.
//
// The files are written to a folder beside dir, which then replaces dir by a rename.
// Contents of files reach the disk before their names do.
//
// Some folders cannot be renamed: a mount point, the working directory, a folder with
// files of others, or a folder whose parent is read-only. There the mark is removed first
// and written last. A process that is killed in between leaves no mark.
func Replace(dir string, r Result) error {
	dir, err := locate(dir)
	if err != nil {
		return err
	}
	names := r.entries()
	if isWhole(dir, append(names, r.Stale...)) {
		if err := exchangeFolder(dir, r.Files); !errors.Is(err, errInPlace) {
			return err
		}
	}
	return replaceEntries(dir, r, names)
}

// Clear removes the earlier result from dir, the mark first.
func Clear(dir, mark string, stale []string) error {
	for _, name := range append([]string{mark}, stale...) {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return syncFolder(dir)
}

// locate returns the path of dir without symbolic links, and makes dir's parent.
func locate(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	resolved, err := filepath.EvalSymlinks(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return dir, os.MkdirAll(filepath.Dir(dir), 0o755)
	}
	return resolved, err
}

// entries are the names that the files of r have in the folder itself.
func (r *Result) entries() []string {
	var names []string
	for path := range r.Files {
		name, _, _ := strings.Cut(path, "/")
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// isWhole reports whether dir has no entries but those in names, and is not
// where this process works: its user would be left in a folder that is gone.
func isWhole(dir string, names []string) bool {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	for _, e := range entries {
		if !slices.Contains(names, e.Name()) && !isStage(e.Name()) {
			return false
		}
	}
	work, err := os.Getwd()
	below, relErr := filepath.Rel(dir, work)
	return err == nil && (relErr != nil || !filepath.IsLocal(below))
}

// exchangeFolder replaces dir by a new folder with files.
func exchangeFolder(dir string, files map[string][]byte) error {
	s, err := newStage(filepath.Dir(dir), "."+filepath.Base(dir)+stageInfix)
	if refused(err) {
		return errInPlace
	}
	if err != nil {
		return err
	}
	defer s.remove()
	if err := s.fill(files); err != nil {
		return err
	}
	if err := s.takeAfter(dir); err != nil {
		return err
	}
	atStep("flip")
	err = unix.Renameat2(unix.AT_FDCWD, s.path, unix.AT_FDCWD, dir, unix.RENAME_NOREPLACE)
	if errors.Is(err, fs.ErrExist) {
		err = unix.Renameat2(unix.AT_FDCWD, s.path, unix.AT_FDCWD, dir, unix.RENAME_EXCHANGE)
	}
	if refused(err) {
		return errInPlace
	}
	atStep("flipped")
	return errors.Join(err, syncFolder(filepath.Dir(dir)))
}

// refused reports whether err is of a folder that cannot be renamed here.
func refused(err error) bool {
	noes := []error{unix.EBUSY, unix.EXDEV, unix.EINVAL, unix.ENOSYS, unix.EACCES, unix.EPERM, unix.EROFS}
	return slices.ContainsFunc(noes, func(no error) bool { return errors.Is(err, no) })
}

// replaceEntries replaces the entries of dir one after the other.
func replaceEntries(dir string, r Result, names []string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	s, err := newStage(dir, stageInfix)
	if err != nil {
		return err
	}
	defer s.remove()
	if err := s.fill(r.Files); err != nil {
		return err
	}
	atStep("clear")
	if err := Clear(dir, r.Mark, append(names, r.Stale...)); err != nil {
		return err
	}
	names = append(slices.DeleteFunc(names, func(name string) bool { return name == r.Mark }), r.Mark)
	for _, name := range names {
		atStep("rename " + name)
		if name == r.Mark {
			if err := syncFolder(dir); err != nil {
				return err
			}
		}
		if err := os.Rename(filepath.Join(s.path, name), filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	atStep("renamed")
	return syncFolder(dir)
}

// atStep is called before each step that changes names. Tests end the process there.
var atStep = func(string) {}
