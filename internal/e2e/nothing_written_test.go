package e2e

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"kintsugi/builder"
	"kintsugi/internal/fault"
)

// TestOutputNotMade sees that a refusal does not even make the output directory.
func TestOutputNotMade(t *testing.T) {
	kernel := realTarget(t)
	t.Parallel()
	empty := write(t, filepath.Join(t.TempDir(), "empty.patch"), "")
	for name, patch := range map[string]string{
		"empty":   empty,
		"missing": filepath.Join(t.TempDir(), "missing.patch"),
		"refused": filepath.Join(testdata, "refusals/init-code.patch"),
	} {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out")
			_, err := builder.Build(context.Background(), options(kernel, out, patch))
			if err == nil {
				t.Fatal("built")
			}
			t.Log(explain(err))
			if class := fault.ClassOf(err); name != "refused" && class != fault.Input {
				t.Errorf("class %d, want %d", class, fault.Input)
			}
			if _, err := os.Lstat(out); !os.IsNotExist(err) {
				t.Errorf("%s is there: %v", out, err)
			}
		})
	}
}

// TestFullDisk lets the output directory, and then the work directory, have
// no room.
func TestFullDisk(t *testing.T) {
	kernel := realTarget(t)
	if os.Geteuid() != 0 {
		t.Skip("only root can mount a small file system to fill")
	}
	patch := filepath.Join(testdata, "patches/proc-string.patch")

	t.Run("output", func(t *testing.T) {
		out := smallDisk(t, "16k")
		write(t, filepath.Join(out, "report.json"), "an earlier build's\n")
		_, err := builder.Build(context.Background(), options(kernel, out, patch))
		expectFullDisk(t, err)
		if got := names(t, out); !slices.Equal(got, []string{"report.json"}) {
			t.Errorf("in the output directory: %q", got)
		}
		if text, _ := os.ReadFile(filepath.Join(out, "report.json")); string(text) != "an earlier build's\n" {
			t.Errorf("report.json is %q", text)
		}
	})
	for _, size := range []string{"16k", "100k", "200k", "300k"} {
		t.Run("work "+size, func(t *testing.T) {
			tmp, out := smallDisk(t, size), t.TempDir()
			t.Setenv("TMPDIR", tmp)
			_, err := builder.Build(context.Background(), options(kernel, out, patch))
			expectFullDisk(t, err)
			if got := append(names(t, out), names(t, tmp)...); len(got) != 0 {
				t.Errorf("left behind: %q", got)
			}
		})
	}
}

func expectFullDisk(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		t.Fatal("built on a full disk")
	}
	t.Log(explain(err))
	if class := fault.ClassOf(err); class != fault.Environment {
		t.Errorf("class %d, want %d", class, fault.Environment)
	}
	if !strings.Contains(err.Error(), "no space left on device") {
		t.Error("the error does not say that the disk is full")
	}
	if len(fault.Hints(err)) == 0 {
		t.Error("no hint tells what to do")
	}
}

// smallDisk mounts an empty file system of that size.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("kintsugi-test", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("this machine does not let root mount: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}
