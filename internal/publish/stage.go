package publish

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// stage is a folder in which a result is made. It is locked while its process lives, so
// that later processes recognize the stages of killed processes.
type stage struct {
	path string
	lock *os.File
}

// stageInfix is in the name of every stage.
const stageInfix = ".kintsugi-"

func isStage(name string) bool {
	return strings.HasPrefix(name, ".") && strings.Contains(name, stageInfix)
}

// newStage makes a folder in parent whose name begins with prefix, and removes the
// stages of killed processes there.
func newStage(parent, prefix string) (*stage, error) {
	removeLeftovers(parent, prefix)
	for {
		path := filepath.Join(parent, prefix+rand.Text()[:10])
		if err := os.Mkdir(path, 0o755); err != nil {
			return nil, err
		}
		lock, err := lockFolder(path)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.EWOULDBLOCK) {
			continue // another process took it for a leftover before it was locked
		}
		if err != nil {
			return nil, errors.Join(err, os.Remove(path))
		}
		return &stage{path, lock}, nil
	}
}

// lockFolder returns the folder open and locked. The error is fs.ErrNotExist
// where it was removed meanwhile.
func lockFolder(path string) (*os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if _, err := os.Lstat(path); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// removeLeftovers removes stages whose process has ended. What it cannot
// remove stays: a later process may.
func removeLeftovers(parent, prefix string) {
	entries, _ := os.ReadDir(parent)
	for _, e := range entries {
		if !e.IsDir() || !strings.HasPrefix(e.Name(), prefix) {
			continue
		}
		path := filepath.Join(parent, e.Name())
		if lock, err := lockFolder(path); err == nil {
			_ = os.RemoveAll(path)
			lock.Close()
		}
	}
}

// remove removes what is at the stage's path: the stage, or what it took the
// place of.
func (s *stage) remove() {
	_ = os.RemoveAll(s.path)
	s.lock.Close()
}

// fill writes files, with their folders, to the disk.
func (s *stage) fill(files map[string][]byte) error {
	folders := map[string]bool{s.path: true}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(s.path, filepath.FromSlash(name))
		if !filepath.IsLocal(filepath.FromSlash(name)) {
			return fmt.Errorf("%q leaves the folder", name)
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		for folder := filepath.Dir(path); folder != s.path; folder = filepath.Dir(folder) {
			folders[folder] = true
		}
		atStep("write " + name)
		if err := writeFile(path, files[name]); err != nil {
			return err
		}
	}
	for folder := range folders {
		if err := syncFolder(folder); err != nil {
			return err
		}
	}
	return nil
}

func writeFile(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

// takeAfter sets owner and permissions of the stage to those of the folder that it will
// replace.
func (s *stage) takeAfter(dir string) error {
	var have, want unix.Stat_t
	err := unix.Stat(dir, &want)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err = errors.Join(err, unix.Stat(s.path, &have)); err != nil {
		return err
	}
	if have.Uid != want.Uid || have.Gid != want.Gid {
		if os.Lchown(s.path, int(want.Uid), int(want.Gid)) != nil {
			return errInPlace
		}
	}
	return unix.Chmod(s.path, want.Mode&0o7777)
}

func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	err = f.Sync()
	if errors.Is(err, unix.EINVAL) {
		err = nil // a file system without this
	}
	return errors.Join(err, f.Close())
}
