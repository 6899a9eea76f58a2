package e2e

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"kintsugi/builder"
	"kintsugi/internal/report"
	"kintsugi/internal/vm"
)

// TestCycles loads and unloads a module that leaks 4 MB each time, and one that leaks nothing.
func TestCycles(t *testing.T) {
	kernel := realTarget(t)
	for patch, leaks := range map[string]bool{"testdata/leak.patch": true,
		"../../examples/meminfo-capitals.patch": false} {
		t.Run(strings.TrimSuffix(filepath.Base(patch), ".patch"), func(t *testing.T) {
			t.Parallel()
			out := t.TempDir()
			rep, err := builder.Build(context.Background(), options(kernel, out, patch))
			if err != nil {
				t.Fatalf("build: %s\n%s", explain(err), diagnostics(rep))
			}
			result := runVM(t, vm.Config{Image: kernel.Image, Module: filepath.Join(out, rep.Module.Path), Cycles: 8})
			test := result.Test
			if len(test.Cycles.MemoryKB) != 5 || test.Cycles.Done != 8 {
				t.Fatalf("%+v", test.Cycles)
			}
			t.Logf("%s %s %d", test.Verdict, test.Reason, test.Cycles.MemoryKB)
			if leaks && (test.Verdict != report.Failed || !strings.Contains(test.Reason, "over 8 cycles")) || !leaks &&
				!test.OK {
				t.Errorf("%s %q\n%s", test.Verdict, test.Reason, console(result))
			}
		})
	}
}
