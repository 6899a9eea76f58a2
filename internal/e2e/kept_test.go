package e2e

import (
	"path/filepath"
	"testing"

	"kintsugi/builder"
	"kintsugi/internal/diag"
	"kintsugi/internal/fault"
	"kintsugi/internal/report"
	"kintsugi/internal/target"
	"kintsugi/internal/vm"
)

// TestKept makes the kernel keep addresses of new data. A patch of testdata/kept with the key
// Accept is refused without consent. With consent the module pins itself, and what the kernel has
// kept still works after the livepatch is disabled.
func TestKept(t *testing.T) {
	kernel := realTarget(t)
	for _, c := range readCases(t, testdata+"/kept") {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if len(c.head["Accept"]) > 0 {
				c.expectKept(t, kernel)
			}
			out := t.TempDir()
			rep := c.report(t, kernel, out)
			if rep.Module.Pinned != (len(c.head["Accept"]) > 0) || len(rep.Accepted) != len(c.head["Accept"]) {
				t.Errorf("pinned: %v, accepted %+v", rep.Module.Pinned, rep.Accepted)
			}
			judge(t, vm.Config{Image: kernel.Image, Modules: kernel.Modules, Module: filepath.Join(out, rep.Module.Path),
				Probe: c.probe(), With: c.head["Modules"]})
		})
	}
}

// expectKept requires that the patch needs the consents of its head.
func (c *testCase) expectKept(t *testing.T, kernel *target.Target) {
	t.Helper()
	rep, err := builder.Check(t.Context(), options(kernel, t.TempDir(), c.path))
	if rep.Verdict != report.Refused || fault.CodeOf(err) != diag.DataKept || !rep.OnlyConsent() {
		t.Errorf("verdict %s: %s\n%s", rep.Verdict, explain(err), diagnostics(rep))
	}
}
