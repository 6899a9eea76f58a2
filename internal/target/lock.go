package target

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

// lock waits until no other process holds the lock file and returns what
// releases it, which may be called twice. Children inherit the lock: when we
// are killed, the makes that we started may go on for a while, and nobody else
// may touch the target before the last of them is gone. The file itself stays:
// deleting it would let two processes lock two files of one name.
func lock(ctx context.Context, path string) (unlock func(), err error) {
	f, err := openLock(path)
	if err != nil {
		return nil, environment(err)
	}
	fd := int(f.Fd())
	for told := false; ; told = true {
		err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return sync.OnceFunc(func() {
				_ = unix.Flock(fd, unix.LOCK_UN) // for the children too
				_ = f.Close()
			}), nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			return nil, environment(fmt.Errorf("lock %s: %w", path, errors.Join(err, f.Close())))
		}
		if !told {
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
