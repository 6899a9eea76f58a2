package e2e

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"kintsugi/builder"
	"kintsugi/internal/fault"
	"kintsugi/internal/report"
)

// TestRefusals compares the verdict on every patch of testdata/refusals with the patch's head. The
// report must replace the results of an earlier build.
func TestRefusals(t *testing.T) {
	kernel := realTarget(t)
	for _, c := range readCases(t, testdata+"/refusals") {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			out := t.TempDir()
			earlierBuild(t, out)
			rep, err := builder.Build(context.Background(), options(kernel, out, c.path))
			if err == nil {
				functions, data := contents(rep)
				t.Fatalf("built: functions %q, data %q", functions, data)
			}
			t.Logf("%s\n%s", explain(err), diagnostics(rep))
			c.checkRefusal(t, rep, err)
			expectReportAlone(t, out, rep.Verdict)
		})
	}
}

func (c *testCase) checkRefusal(t *testing.T, rep *report.Report, err error) {
	t.Helper()
	if want := c.one(t, "Verdict"); string(rep.Verdict) != want {
		t.Errorf("verdict %s, want %s", rep.Verdict, want)
	}
	if want := c.one(t, "Class"); strconv.Itoa(int(fault.ClassOf(err))) != want {
		t.Errorf("class %d, want %s", fault.ClassOf(err), want)
	}
	if len(fault.Hints(err)) == 0 && !anyHint(rep) && rep.Verdict != report.Nothing {
		t.Errorf("there is no hint")
	}
	for _, code := range c.head["Code"] {
		if string(fault.CodeOf(err)) != code {
			t.Errorf("code of the error is %q, want %q", fault.CodeOf(err), code)
		}
		if !slices.ContainsFunc(rep.Diagnostics, func(d report.Diagnostic) bool {
			return string(d.Code) == code &&
				d.Severity.Refuses()
		}) {
			t.Errorf("no diagnostic %s in the report", code)
		}
	}
	said := explain(err) + diagnostics(rep)
	for _, want := range c.head["Says"] {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not reported", want)
		}
	}
}

func anyHint(rep *report.Report) bool {
	return slices.ContainsFunc(rep.Diagnostics, func(d report.Diagnostic) bool { return d.Hint != "" })
}

// snapshot returns every file below dir with its contents.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			files[path] = "directory"
			return err
		}
		text, err := os.ReadFile(path)
		files[path] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
