package e2e

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kintsugi/builder"
	"kintsugi/internal/consent"
	"kintsugi/internal/diag"
	"kintsugi/internal/fault"
	"kintsugi/internal/klp"
	"kintsugi/internal/report"
	"kintsugi/internal/target"
)

// TestLayouts changes types of the real kernel. A patch of testdata/layouts with the key Accept is
// refused without these consents, and accepted with them.
func TestLayouts(t *testing.T) {
	kernel := realTarget(t)
	for _, c := range readCases(t, testdata+"/layouts") {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			given := c.consents(t)
			c.checkLayouts(t, kernel, nil, diag.Note)
			if len(given) > 0 {
				c.checkLayouts(t, kernel, given, diag.Consent)
			}
		})
	}
}

// checkLayouts checks the patch with the given consents. severity is that of the findings about its
// types if they do not refuse.
func (c *testCase) checkLayouts(t *testing.T, kernel *target.Target, given []consent.Given, severity diag.Severity) {
	t.Helper()
	opts := options(kernel, t.TempDir(), c.path)
	opts.Accept = given
	rep, err := builder.Check(context.Background(), opts)
	want := report.OK
	if len(given) < len(c.head["Accept"]) {
		want, severity = report.Refused, diag.Consent
	}
	if rep.Verdict != want || want == report.Refused && fault.CodeOf(err) != diag.LayoutChanged {
		t.Fatalf("consents %v: verdict %s, want %s: %s", given, rep.Verdict, want, explain(err))
	}
	found := slices.Clone(rep.Diagnostics)
	for _, a := range rep.Accepted {
		found = append(found, a.Diagnostic)
	}
	var named []string
	for _, d := range found {
		if d.Code == diag.LayoutChanged && d.Severity == severity {
			named = append(named, d.Message)
		}
	}
	says := c.head["Says"]
	if len(named) != len(says) || len(says) == 1 && !strings.Contains(named[0], says[0]) {
		t.Errorf("consents %v: %s of %q, want %q", given, severity, named, says)
	}
	if len(rep.Accepted) != len(given) {
		t.Errorf("accepted: %+v", rep.Accepted)
	}
}

// TestAccepted builds a patch that needs consent: without it, with the flag, and with a trailer in
// its description.
func TestAccepted(t *testing.T) {
	kernel := realTarget(t)
	for name, c := range map[string]struct {
		patch string
		flags []string
		by    report.Giver // empty: refused
	}{
		"refused": {"layout", nil, ""},
		"another": {"layout", []string{"layout-changed:struct epitem"}, ""},
		"flag":    {"layout", []string{"layout-changed:struct eventpoll"}, report.ByFlag},
		"patch":   {"layout-accepted", nil, report.ByPatch},
	} {
		t.Run(name, func(t *testing.T) {
			given, err := consent.Flags(c.flags)
			if err != nil {
				t.Fatal(err)
			}
			opts := options(kernel, t.TempDir(), filepath.Join(testdata, "guide", c.patch+".patch"))
			opts.Accept = given
			rep, err := builder.Build(t.Context(), opts)
			if c.by == "" {
				if fault.CodeOf(err) != diag.LayoutChanged || fault.ClassOf(err) != fault.Verdict {
					t.Errorf("%v", err)
				}
				expectReportAlone(t, opts.Out, report.Refused)
				return
			}
			if err != nil || len(rep.Accepted) != 1 || rep.Accepted[0].By != c.by {
				t.Fatalf("%s, accepted %+v", explain(err), rep.Accepted)
			}
			expectAccepted(t, filepath.Join(opts.Out, rep.Module.Path), "layout-changed:struct eventpoll")
		})
	}
}

// expectAccepted reads the accepted findings from the module.
func expectAccepted(t *testing.T, path, want string) {
	t.Helper()
	module, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m, err := klp.Inspect(module)
	if err != nil || !slices.Equal(m.Accepted, []string{want}) {
		t.Errorf("the module has %v, want %s; %v", m, want, err)
	}
}
