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
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, environment(err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, environment(err)
	}
	fd := int(f.Fd())
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, 0); err != nil { // no FD_CLOEXEC
		return nil, environment(errors.Join(err, f.Close()))
	}
	release := func() {
		_ = unix.Flock(fd, unix.LOCK_UN) // for the children too
		_ = f.Close()
	}
	told := false
	for {
		err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return sync.OnceFunc(release), nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			_ = f.Close()
			return nil, environment(fmt.Errorf("lock %s: %w", path, err))
		}
		if !told {
			slog.Info("waiting for another kintsugi", "lock", path)
			told = true
		}
		select {
		case <-ctx.Done():
			_ = f.Close()
			return nil, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}
