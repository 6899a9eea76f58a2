package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kintsugi/builder"
	"kintsugi/internal/consent"
	"kintsugi/internal/diag"
	"kintsugi/internal/report"
	"kintsugi/internal/target"
	"kintsugi/internal/vm"
)

// TestExports changes the types of exports of the real kernel. A patch of testdata/exports with the
// key Accept is refused without these consents. With them it builds, and boots if it has a probe.
func TestExports(t *testing.T) {
	kernel := realTarget(t)
	for _, c := range readCases(t, testdata+"/exports") {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			given := c.consents(t)
			if len(given) > 0 {
				c.refusedExports(t, kernel)
			}
			module := c.acceptedExports(t, kernel, given)
			if module != "" {
				judge(t, vm.Config{Image: kernel.Image, Modules: kernel.Modules, Module: module, Probe: c.probe(),
					With: c.head["Modules"]})
			}
		})
	}
}

// refusedExports checks the patch without consent.
func (c *testCase) refusedExports(t *testing.T, kernel *target.Target) {
	t.Helper()
	rep, err := builder.Check(t.Context(), options(kernel, t.TempDir(), c.path))
	abi := func(d report.Diagnostic) bool { return d.Code == diag.ExportABI && d.Severity == diag.Consent }
	if rep.Verdict != report.Refused || !slices.ContainsFunc(rep.Diagnostics, abi) {
		t.Errorf("without consent: verdict %s: %s", rep.Verdict, explain(err))
	}
	for _, text := range c.head["Says"] {
		if !strings.Contains(diagnostics(rep), text) {
			t.Errorf("no %q in\n%s", text, diagnostics(rep))
		}
	}
}

// acceptedExports checks the patch with consents. If the patch has a probe, it builds the module
// and returns its path.
func (c *testCase) acceptedExports(t *testing.T, kernel *target.Target, given []consent.Given) string {
	t.Helper()
	opts, verb := options(kernel, t.TempDir(), c.path), builder.Check
	opts.Accept = given
	_, noProbe := os.Stat(c.probe())
	if noProbe == nil {
		verb = builder.Build
	}
	rep, err := verb(t.Context(), opts)
	if err != nil || len(rep.Accepted) != len(given) || strings.Contains(diagnostics(rep), string(diag.ExportABI)) {
		t.Fatalf("consents %v: %s, accepted %+v\n%s", given, explain(err), rep.Accepted, diagnostics(rep))
	}
	if noProbe != nil {
		return ""
	}
	return filepath.Join(opts.Out, rep.Module.Path)
}
