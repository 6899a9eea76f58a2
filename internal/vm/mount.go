package vm

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// mounts of the guest. The first four are required; a kernel may lack the others.
var mounts = []struct {
	fs, path string
	needed   bool
}{
	{"proc", "/proc", true},
	{"sysfs", "/sys", true},
	{"devtmpfs", "/dev", true},
	{"tmpfs", "/tmp", true},
	{"tmpfs", "/run", false},
	{"devpts", "/dev/pts", false},
	{"tmpfs", "/dev/shm", false},
	{"securityfs", "/sys/kernel/security", false},
	{"debugfs", "/sys/kernel/debug", false},
	{"tracefs", "/sys/kernel/tracing", false},
	{"cgroup2", "/sys/fs/cgroup", false},
}

func mountAll() error {
	for _, m := range mounts {
		os.MkdirAll(m.path, 0o755) // on an error, the mount fails
		if err := unix.Mount(m.fs, m.path, m.fs, 0, ""); err != nil && m.needed {
			return fmt.Errorf("mount %s: %w", m.path, err)
		}
	}
	return nil
}
