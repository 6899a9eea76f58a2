package target

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kintsugi/internal/fault"
)

func TestCheckOwner(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := checkOwner(dir); err != nil {
		t.Error(err)
	}
	if err := checkOwner(filepath.Join(dir, "none")); err != nil {
		t.Error(err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	err := checkOwner(dir)
	if fault.ClassOf(err) != fault.Environment || !strings.Contains(err.Error(), "other users can write") {
		t.Errorf("a cache of mode 0777: %v", err)
	}
	if os.Geteuid() != 0 {
		return
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(dir, 12345, 12345); err != nil {
		t.Fatal(err)
	}
	if err := checkOwner(dir); err == nil || !strings.Contains(err.Error(), "belongs to another user") {
		t.Errorf("another user's cache: %v", err)
	}
	t.Setenv("SUDO_UID", "12345")
	if err := checkOwner(dir); err != nil {
		t.Errorf("under sudo: %v", err)
	}
}

func TestOthersWrite(t *testing.T) {
	for _, c := range []struct {
		mode, uid, gid uint32
		want           bool
	}{
		{0o755, 1000, 1000, false}, {0o775, 1000, 1000, false}, {0o775, 1000, 100, true}, {0o757, 1000, 1000, true},
		{0o700, 1000, 100, false},
	} {
		if got := othersWrite(c.mode, c.uid, c.gid); got != c.want {
			t.Errorf("%o of %d:%d: %v", c.mode, c.uid, c.gid, got)
		}
	}
}
