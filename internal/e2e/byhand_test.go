package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"kintsugi/builder"
	"kintsugi/internal/consent"
	"kintsugi/internal/diag"
	"kintsugi/internal/report"
	"kintsugi/internal/target"
)

// TestByHand compiles the module source that a build leaves by hand, with only the kernel headers.
func TestByHand(t *testing.T) {
	kernel := realTarget(t)
	out := t.TempDir()
	if _, err := builder.Build(t.Context(),
		builder.Options{Target: kernel, Patches: []string{absolute(t, "patches/shared-globals.patch")},
			Out: out, Name: "by-hand", Jobs: 2, Replace: true,
			Accept: []consent.Given{{Code: diag.DataKept, Symbol: "uptime_reads", By: report.ByFlag}}}); err != nil {
		t.Fatal(explain(err))
	}
	makeByHand(t, kernel, out, "by-hand.ko")
}

func makeByHand(t *testing.T, kernel *target.Target, out, module string) {
	t.Helper()
	cmd := exec.Command("make", "-C", kernel.Headers, "M="+filepath.Join(out, "src"))
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if _, err := os.Stat(filepath.Join(out, "src", module)); err != nil {
		t.Error(err)
	}
}
