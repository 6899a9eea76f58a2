package kbuild

import (
	"bytes"
	"syscall"

	"golang.org/x/sys/unix"

	"kintsugi/internal/fault"
)

// diskFull returns the fault of a tool that failed because the file system of
// its work directory is full, nil for any other failure. Not every tool says
// so: make and fixdep only fail.
func diskFull(work string, output []byte) error {
	const little = 64 << 10
	var fs unix.Statfs_t
	said := bytes.Contains(output, []byte("No space left on device"))
	if !said && (unix.Statfs(work, &fs) != nil || fs.Bavail*uint64(fs.Bsize) >= little) {
		return nil
	}
	return fault.Environmentf("work directory %s: %w", work, syscall.ENOSPC).
		Hint("free some space, or set TMPDIR to a directory with a few hundred megabytes of room")
}
