package disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// The kinds of work folders. A kind is part of the folder's name: kintsugi-vm-12345.
const (
	BuildWork = "build"
	VMWork    = "vm"
)

func workName(kind string) string { return "kintsugi-" + kind + "-*" }

// workLock is the file in a work folder that its process holds a lock on.
const workLock = ".lock"

// Work is a folder for the intermediate files of one run. A lock shows that the run, or
// a program that it started, lives. CleanWork removes the folders of dead runs.
type Work struct {
	Dir    string
	unlock func()
}

// NewWork makes a work folder in the folder for temporary files.
func NewWork(kind string) (*Work, error) {
	for range 10 {
		dir, err := os.MkdirTemp("", workName(kind))
		if err != nil {
			return nil, Fault(err)
		}
		unlock, ok, err := tryLock(filepath.Join(dir, workLock))
		switch {
		case ok:
			return &Work{dir, unlock}, nil
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return nil, Fault(errors.Join(err, os.RemoveAll(dir)))
		}
		// CleanWork of another process was quicker
	}
	return nil, Fault(errors.New("every new work folder disappears"))
}

// Remove deletes the folder.
func (w *Work) Remove() error {
	err := os.RemoveAll(w.Dir)
	w.unlock()
	return Fault(err)
}

// CleanWork removes the work folders of this user's dead runs, and returns their paths.
func CleanWork() ([]string, error) {
	var removed []string
	var errs []error
	for _, kind := range []string{BuildWork, VMWork} {
		dirs, err := filepath.Glob(filepath.Join(os.TempDir(), workName(kind)))
		errs = append(errs, err)
		for _, dir := range dirs {
			done, err := removeDead(dir)
			if done {
				removed = append(removed, dir)
			}
			errs = append(errs, err)
		}
	}
	return removed, Fault(errors.Join(errs...))
}

// removeDead removes the work folder dir if it is this user's and its run has ended. The
// lock is held meanwhile: a run that has just made the folder then makes another one.
func removeDead(dir string) (bool, error) {
	var stat unix.Stat_t
	if err := unix.Lstat(dir, &stat); err != nil || stat.Mode&unix.S_IFMT != unix.S_IFDIR ||
		int(stat.Uid) != os.Geteuid() {
		return false, nil
	}
	lock := filepath.Join(dir, workLock)
	if _, err := os.Lstat(lock); err != nil {
		return removeUnlocked(dir, time.Unix(stat.Mtim.Unix())), nil
	}
	unlock, ok, err := tryLock(lock)
	if err != nil || !ok {
		return false, err
	}
	defer unlock()
	return true, os.RemoveAll(dir)
}

// removeUnlocked removes a folder whose run died before it made the lock: it is empty,
// and a living run would have made the lock within a minute.
func removeUnlocked(dir string, made time.Time) bool {
	return time.Since(made) > time.Minute && os.Remove(dir) == nil
}

// RemoveUnheld removes a folder if nobody holds its lock, the file dir+".lock" (Lock),
// and if the folder is still left over then.
func RemoveUnheld(dir string, leftOver func() bool) (bool, error) {
	unlock, ok, err := tryLock(dir + ".lock")
	if err != nil || !ok {
		return false, err
	}
	defer unlock()
	if !leftOver() {
		return false, nil
	}
	return true, os.RemoveAll(dir)
}
