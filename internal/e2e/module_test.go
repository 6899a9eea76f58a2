package e2e

import (
	"context"
	"slices"
	"strings"
	"testing"

	"kintsugi/builder"
	"kintsugi/internal/fault"
	"kintsugi/internal/kofile"
	"kintsugi/internal/report"
	"kintsugi/internal/target"
)

// TestModules builds every patch of testdata/modules, which change code of
// loadable modules. Their probes load the modules of the head, which lie in
// /modules, before the livepatch comes and after.
func TestModules(t *testing.T) {
	kernel := realTarget(t)
	for _, c := range readCases(t, testdata+"/modules") {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			boot(t, kernel, c.build(t, kernel, t.TempDir()), c.probe(), c.modules(t, kernel))
		})
	}
}

// modules are the files of the modules of the head, by their paths in the guest.
func (c *testCase) modules(t *testing.T, kernel *target.Target) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, name := range c.head["Modules"] {
		path, err := kofile.Open(kernel.Modules).Path(name)
		if err != nil {
			t.Fatal(err)
		}
		files["/modules/"+name+".ko"] = path
	}
	return files
}

// TestWithoutModules: code of a module needs the module as it was shipped.
func TestWithoutModules(t *testing.T) {
	kernel := *realTarget(t)
	patch := testdata + "/modules/shared-object.patch"
	kernel.Modules = ""
	_, err := builder.Check(context.Background(), options(&kernel, t.TempDir(), patch))
	if fault.ClassOf(err) != fault.Input || !strings.Contains(explain(err), "--modules") {
		t.Errorf("without modules: %s", explain(err))
	}
	kernel.Modules = t.TempDir()
	rep, err := builder.Check(context.Background(), options(&kernel, t.TempDir(), patch))
	if fault.CodeOf(err) != "not-in-kernel" || rep.Verdict != report.Refused {
		t.Errorf("without these modules: %s, %s", rep.Verdict, explain(err))
	}
}

// checkOwners holds the objects of functions and references against the head.
func (c *testCase) checkOwners(t *testing.T, rep *report.Report) {
	t.Helper()
	var got []string
	for _, f := range rep.Functions {
		got = append(got, f.Object+" "+f.Name)
	}
	for _, r := range rep.References {
		got = append(got, r.Object+" "+r.Symbol)
	}
	for _, want := range c.head["Owners"] {
		if !slices.Contains(got, want) {
			t.Errorf("no %q in %q", want, got)
		}
	}
}

// TestBindings builds every patch of testdata/bindings: what code of modules
// is bound to, by names that several objects have and by keys that come late.
func TestBindings(t *testing.T) {
	kernel := realTarget(t)
	for _, c := range readCases(t, testdata+"/bindings") {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, d := range c.report(t, kernel, t.TempDir()).Diagnostics {
				if d.Code == "debug-site-dropped" || d.Code == "tracepoint-dropped" {
					t.Errorf("%s: %s", d.Object, d.Message)
				}
			}
		})
	}
}
