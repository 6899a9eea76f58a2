package e2e

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"kintsugi/builder"
	"kintsugi/internal/fault"
	"kintsugi/internal/report"
	"kintsugi/internal/target"
)

// secret is the text of a file on the host that patches try to read.
const secret = "the secret of the host, which nobody is to read"

// TestHostile builds patches that try to read files of the host, or use names that do not belong to
// them. Each is refused as the patch's fault. Neither the output nor the report contains the host's
// file.
func TestHostile(t *testing.T) {
	expectHostile(t, "incbin", "include-assembly", "include-fifo", "section-name", "thread-local", "own-names",
		"assembly-macro")
}

// TestHostileSize builds patches that try to exhaust the memory of the host.
func TestHostileSize(t *testing.T) {
	expectHostile(t, "macro-bomb", "fill", "include-zero")
}

func expectHostile(t *testing.T, names ...string) {
	t.Helper()
	kernel := realTarget(t)
	for _, c := range namedCases(t, "hostile", names...) {
		t.Run(c.name, func(t *testing.T) { c.expectHostile(t, kernel) })
	}
}

func (c *testCase) expectHostile(t *testing.T, kernel *target.Target) {
	t.Helper()
	work, out := t.TempDir(), t.TempDir()
	t.Setenv("TMPDIR", work)
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Minute)
	defer stop()
	rep, err := builder.Build(ctx, options(kernel, out, c.withHostFiles(t)))
	if fault.ClassOf(err) != fault.Input || rep.Verdict != report.Failed || ctx.Err() != nil {
		t.Errorf("verdict %s, class %v, want a fault of the input: %s", rep.Verdict, fault.ClassOf(err), explain(err))
	}
	expectReportAlone(t, out, report.Failed)
	expectNoSecret(t, out, explain(err)+diagnostics(rep))
	if left, err := os.ReadDir(work); err != nil || len(left) > 0 {
		t.Errorf("left in the work folder: %v, %v", left, err)
	}
}

// withHostFiles returns the patch with the path of a folder of the host that contains the files it
// tries to read.
func (c *testCase) withHostFiles(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"SECRET": secret, "SECRET.s": ".globl kx\nkx: .asciz \"" + secret + "\"\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "FIFO"), 0o644); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(c.path)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, c.name+".patch")
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(text), "@DIR@", dir)), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// expectNoSecret checks that no file below dir and no message contains the secret.
func expectNoSecret(t *testing.T, dir, messages string) {
	t.Helper()
	if strings.Contains(messages, secret) {
		t.Errorf("the messages contain the host's file:\n%s", messages)
	}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if bytes.Contains(data, []byte(secret)) {
			t.Errorf("%s contains the host's file", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
