// Package disk writes files that are whole or not there, and locks them
// between processes.
package disk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Lock waits until no other process holds the lock file. It returns the
// function that releases the lock, which may be called twice. Children inherit
// the lock: after a kill of kintsugi its makes may run on for a while, and
// nobody may touch their files before the last of them has ended. The lock file
// stays: deleting it would let two processes lock two files of one name.
func Lock(ctx context.Context, path string) (unlock func(), err error) {
	f, err := openLock(path)
	if err != nil {
		return nil, Fault(err)
	}
	fd := int(f.Fd())
	for logged := false; ; logged = true {
		err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return sync.OnceFunc(func() {
				_ = unix.Flock(fd, unix.LOCK_UN) // for the children too
				_ = f.Close()
			}), nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			return nil, Fault(fmt.Errorf("lock %s: %w", path, errors.Join(err, f.Close())))
		}
		if !logged {
			slog.Info("waiting for another kintsugi", "lock", path)
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), f.Close())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// openLock opens the lock file so that children inherit it.
func openLock(path string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if _, err := unix.FcntlInt(f.Fd(), unix.F_SETFD, 0); err != nil { // no FD_CLOEXEC
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
