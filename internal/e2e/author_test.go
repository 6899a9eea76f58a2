package e2e

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"kintsugi/builder"
	"kintsugi/internal/kofile"
	"kintsugi/internal/report"
	"kintsugi/internal/target"
	"kintsugi/internal/vm"
)

// TestAuthoring builds every patch of testdata/authoring. They use what authors of patches have:
// new files, callbacks, shadow variables, states. The head lists what the guest has in /modules for
// the probe: modules of the kernel, and livepatches from testdata/authoring/beside.
func TestAuthoring(t *testing.T) {
	kernel := realTarget(t)
	for _, c := range readCases(t, testdata+"/authoring") {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.author(t, kernel)
		})
	}
}

// author builds the patch, checks the report including callbacks and states, and boots the module.
func (c *testCase) author(t *testing.T, kernel *target.Target) {
	t.Helper()
	out := t.TempDir()
	rep := c.report(t, kernel, out)
	c.checkSaid(t, rep)
	c.boot(t, kernel, filepath.Join(out, rep.Module.Path), c.furtherModules(t, kernel))
}

// boot is the function boot, but allows the kernel messages that the head expects.
func (c *testCase) boot(t *testing.T, kernel *target.Target, module string, files map[string]string) {
	t.Helper()
	if len(c.head["Modules"]) > 0 { // the probe loads them itself
		judge(t, vm.Config{Image: kernel.Image, Module: module, Probe: c.probe(), Files: files})
		return
	}
	if len(c.head["Complains"]) == 0 {
		boot(t, kernel, module, c.probe(), files)
		return
	}
	result := runVM(t, vm.Config{Image: kernel.Image, Module: module, Probe: c.probe(), Files: files})
	for _, p := range result.Test.Phases {
		if p.Status != 0 {
			t.Errorf("probe %s: exit status %d\n%s", p.Name, p.Status, console(result))
		}
	}
	if want := "the kernel printed: " + strings.Join(c.head["Complains"], ", "); result.Test.Reason != want ||
		len(result.Test.Phases) != 3 {
		t.Errorf("VM test: %d phases, %q, want %q", len(result.Test.Phases), result.Test.Reason, want)
	}
}

// checkSaid compares callbacks, states and diagnostics with the head.
func (c *testCase) checkSaid(t *testing.T, rep *report.Report) {
	t.Helper()
	for _, want := range c.head["Says"] {
		if !strings.Contains(diagnostics(rep), want) {
			t.Errorf("%q is not in\n%s", want, diagnostics(rep))
		}
	}
	var callbacks, states []string
	for _, b := range rep.Callbacks {
		callbacks = append(callbacks, b.Object+" "+string(b.Kind)+" "+b.Name)
	}
	for _, s := range rep.States {
		states = append(states, fmt.Sprintf("%d version %d", s.ID, s.Version))
	}
	if diff := cmp.Diff(sorted(c.head["Callbacks"]), sorted(callbacks), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("callbacks (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(c.head["States"], states, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
}

// furtherModules returns the guest's modules other than the tested one.
func (c *testCase) furtherModules(t *testing.T, kernel *target.Target) map[string]string {
	t.Helper()
	files := map[string]string{}
	shipped := kofile.Open(kernel.Modules)
	for _, name := range c.head["Modules"] {
		path, err := shipped.Path(name)
		if err != nil {
			t.Fatal(err)
		}
		files["/modules/"+name+".ko"] = path
	}
	add := func(patch, name string, replace bool) {
		opts := options(kernel, t.TempDir(), filepath.Join(filepath.Dir(c.path), "beside", patch+".patch"))
		opts.Name, opts.Replace = name, replace
		rep, err := builder.Build(context.Background(), opts)
		if err != nil {
			t.Fatalf("%s: %s\n%s", patch, explain(err), diagnostics(rep))
		}
		files["/modules/"+name+".ko"] = filepath.Join(opts.Out, rep.Module.Path)
	}
	for _, patch := range c.head["Beside"] {
		add(patch, patch, true)
	}
	for _, patch := range c.head["Stacked"] {
		add(patch, patch+"-stacked", false)
	}
	return files
}
