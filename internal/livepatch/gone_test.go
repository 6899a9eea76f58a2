package livepatch

import (
	"errors"
	"io/fs"
	"testing"

	"golang.org/x/sys/unix"
)

// TestGone has the answers of a kernel that is taking a file of sysfs or proc
// away, when the file is opened and when it is read.
func TestGone(t *testing.T) {
	for err, want := range map[error]bool{unix.ENODEV: true, unix.ESRCH: true, unix.EACCES: false} {
		for _, op := range []string{"open", "read"} {
			if got := gone("enabled", &fs.PathError{Op: op, Path: "enabled", Err: err}); errors.Is(got, fs.ErrNotExist) != want {
				t.Errorf("%s: %v is %v", op, err, got)
			}
		}
	}
	if gone("enabled", nil) != nil {
		t.Error("no error is one")
	}
}
