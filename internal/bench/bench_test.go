package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kintsugi/internal/command"
	"kintsugi/internal/patchfile"
)

func TestEdit(t *testing.T) {
	tree := t.TempDir()
	text := strings.Repeat("int a;\n\n", 20) + "\treturn 1;\n" + strings.Repeat("int b;\n", 20)
	if err := os.WriteFile(filepath.Join(tree, "unit.c"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	patch, patched, err := edit{"unit.c", "return 1", "return 2"}.patch(tree)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Replace(text, "return 1", "return 2", 1)
	if diff := cmp.Diff(want, string(patched)); diff != "" {
		t.Error(diff)
	}
	p, err := patchfile.Parse("bench.patch", patch)
	if err != nil {
		t.Fatalf("%v\n%s", err, patch)
	}
	applied, err := patchfile.Apply(os.DirFS(tree), []*patchfile.Patch{p}, patchfile.Options{})
	if err != nil {
		t.Fatalf("%v\n%s", err, patch)
	}
	if diff := cmp.Diff(want, string(applied.Changes[0].Patched)); diff != "" {
		t.Error(diff)
	}
	if _, _, err := (edit{"unit.c", "return 3", ""}).patch(tree); err == nil {
		t.Error("an edit without its line gives no error")
	}
}

func TestSamples(t *testing.T) {
	if got := (samples{9, 1, 5}).median(); got != 5 {
		t.Errorf("median of three: %v", got)
	}
	if got := (samples{4, 1, 3, 9}).median(); got != 3.5 {
		t.Errorf("median of four: %v", got)
	}
	if diff := cmp.Diff(samples{2, 3}, samples{4, 9}.per(samples{2, 3})); diff != "" {
		t.Error(diff)
	}
}

// TestPeak has a small process with a large child. Each has its own peak.
func TestPeak(t *testing.T) {
	m, c, err := peak(context.Background(), command.Cmd{Path: "sh",
		Args: []string{"-c", "dd if=/dev/zero of=/dev/null bs=200M count=1; sleep 0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	if own, tree := m.own>>10, m.tree>>10; own > 50 || m.own == 0 || tree < 200 || tree > 260 {
		t.Errorf("%d MB itself, %d MB with its child", own, tree)
	}
	if c.wall < 1e8 {
		t.Errorf("took %v", c.wall)
	}
}

func TestFailedCommand(t *testing.T) {
	_, err := timed(context.Background(), command.Cmd{Path: "true"},
		command.Cmd{Path: "sh", Args: []string{"-c", "echo reason; exit 3"}})
	if err == nil || !strings.Contains(err.Error(), "reason") {
		t.Errorf("error %v", err)
	}
}
