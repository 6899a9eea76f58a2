package e2e

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kintsugi/builder"
	"kintsugi/internal/kofile"
	"kintsugi/internal/report"
)

// TestModules builds every patch of testdata/modules, which change code of
// loadable modules. Their probes load the modules of the head, which lie in
// /modules, before the livepatch comes and after.
func TestModules(t *testing.T) {
	kernel := realTarget(t)
	shipped := kofile.Open(kernel.Modules)
	for _, c := range readCases(t, testdata+"/modules") {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{}
			for _, name := range c.head["Modules"] {
				path, err := shipped.Path(name)
				if err != nil {
					t.Fatal(err)
				}
				files["/modules/"+name+".ko"] = path
			}
			out := t.TempDir()
			rep, err := builder.Build(context.Background(), options(kernel, out, c.path))
			if err != nil {
				t.Fatalf("build: %s\n%s", explain(err), diagnostics(rep))
			}
			c.checkReport(t, rep)
			c.checkOwners(t, rep)
			boot(t, kernel, filepath.Join(out, rep.Module.Path), strings.TrimSuffix(c.path, ".patch")+".sh", files)
		})
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
