package vm

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestCpio lets busybox unpack what cpioWriter packs; that the kernel does
// too is shown by every VM that comes up.
func TestCpio(t *testing.T) {
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Skip("busybox is not installed")
	}
	files := map[string]string{"/a": "", "/b/c/d": "x", "/b/e": "four", "/b/f": strings.Repeat("long", 70_000),
		"/odd name": "12345"}
	archive := pack(t, files)
	if !bytes.Equal(archive, pack(t, files)) {
		t.Error("the same files give other bytes")
	}
	dir := t.TempDir()
	cmd := exec.Command(busybox, "cpio", "-id")
	cmd.Dir, cmd.Stdin = dir, bytes.NewReader(archive)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || string(got) != want {
			t.Errorf("%s: %d bytes, %v; want %d", name, len(got), err, len(want))
		}
	}
}

func pack(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	c := newCpioWriter(&b)
	c.Dir("/empty/folder")
	for _, name := range slices.Sorted(maps.Keys(files)) {
		c.File(name, strings.NewReader(files[name]), int64(len(files[name])))
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestCpioErrors(t *testing.T) {
	c := newCpioWriter(io.Discard)
	c.File("/shrunk", strings.NewReader("abc"), 4)
	if err := c.Close(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v, want an unexpected end", err)
	}
	c = newCpioWriter(io.Discard)
	c.File("/huge", strings.NewReader(""), maxFile+1)
	if c.Close() == nil {
		t.Error("a file of more than 4 GiB was packed")
	}
}
