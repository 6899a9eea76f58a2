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
	return wait(ctx, path, unix.LOCK_EX)
}

// Share is Lock for those who only read what the file protects: any number of them hold
// it at once, and none while somebody holds Lock.
func Share(ctx context.Context, path string) (unlock func(), err error) {
	return wait(ctx, path, unix.LOCK_SH)
}

func wait(ctx context.Context, path string, how int) (func(), error) {
	f, err := openLock(path)
	if err != nil {
		return nil, Fault(err)
	}
	for logged := false; ; logged = true {
		ok, err := flock(f, how)
		if ok {
			return unlocker(f), nil
		}
		if err != nil {
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

// tryLock is Lock that does not wait: ok is false if another process holds the file.
func tryLock(path string) (unlock func(), ok bool, err error) {
	f, err := openLock(path)
	if err != nil {
		return nil, false, err
	}
	if ok, err := flock(f, unix.LOCK_EX); !ok {
		return nil, false, errors.Join(err, f.Close())
	}
	return unlocker(f), true, nil
}

// flock tries to lock f, and does not wait. ok is false without an error if another process
// holds f.
func flock(f *os.File, how int) (ok bool, err error) {
	err = unix.Flock(int(f.Fd()), how|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) || errors.Is(err, unix.EINTR) {
		return false, nil
	}
	return err == nil, err
}

func unlocker(f *os.File) func() {
	return sync.OnceFunc(func() {
		_ = unix.Flock(int(f.Fd()), unix.LOCK_UN) // for the children too
		_ = f.Close()
	})
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
