package e2e

import (
	"context"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kintsugi/builder"
	"kintsugi/internal/diag"
	"kintsugi/internal/report"
)

// TestApplying applies patches that do not fit the source exactly, as users have them, and compares
// the results with their heads.
func TestApplying(t *testing.T) {
	kernel := realTarget(t)
	for _, c := range readCases(t, testdata+"/applying") {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			out := filepath.Join(t.TempDir(), "out")
			opts := options(kernel, out, c.path)
			if len(c.head["Fuzz"]) > 0 {
				n, err := strconv.Atoi(c.one(t, "Fuzz"))
				if err != nil {
					t.Fatal(err)
				}
				opts.Fuzz = n
			}
			rep, err := builder.Build(context.Background(), opts)
			if err != nil {
				t.Fatalf("%s\n%s", explain(err), diagnostics(rep))
			}
			c.checkApplied(t, rep)
			if rep.Verdict == report.Fixed {
				expectReportAlone(t, out, report.Fixed)
			}
		})
	}
}

func (c *testCase) checkApplied(t *testing.T, rep *report.Report) {
	t.Helper()
	if want := c.one(t, "Verdict"); string(rep.Verdict) != want {
		t.Errorf("verdict %s, want %s", rep.Verdict, want)
	}
	functions, _ := contents(rep)
	if diff := cmp.Diff(sorted(c.head["Functions"]), functions); diff != "" {
		t.Errorf("functions (-want +got):\n%s", diff)
	}
	for _, code := range c.head["Notes"] {
		if !slices.ContainsFunc(rep.Diagnostics, func(d report.Diagnostic) bool {
			return string(d.Code) == code &&
				d.Severity == diag.Note
		}) {
			t.Errorf("no note %s:\n%s", code, diagnostics(rep))
		}
	}
}
