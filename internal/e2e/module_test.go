package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"kintsugi/builder"
	"kintsugi/internal/fault"
	"kintsugi/internal/report"
	"kintsugi/internal/target"
	"kintsugi/internal/vm"
)

// TestModules builds every patch of testdata/modules, which change code of loadable modules, and
// boots each in both orders.
func TestModules(t *testing.T) {
	kernel := realTarget(t)
	for _, c := range readCases(t, testdata+"/modules") {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			module := c.build(t, kernel, t.TempDir())
			for _, order := range []vm.Order{vm.ModulesFirst, vm.LivepatchFirst} {
				t.Run(string(order)+" first", func(t *testing.T) { c.bootModules(t, kernel, module, order) })
			}
		})
	}
}

// bootModules boots a livepatch of modules. The modules of the head are those that only the probe
// needs.
func (c *testCase) bootModules(t *testing.T, kernel *target.Target, module string, order vm.Order) {
	t.Helper()
	result := judge(t, vm.Config{
		Image: kernel.Image, Modules: kernel.Modules, Module: module, Probe: c.probe(), With: c.head["Modules"], Order: order,
	})
	for _, m := range result.Test.Modules {
		if m.Patched && (!m.Loaded || !m.Reloaded) {
			t.Errorf("module %s: %+v", m.Name, m)
		}
	}
	if e := result.Test.Exercised; len(c.head["Exercised"]) > 0 {
		if got := fmt.Sprintf("%d of %d", e.Ran, e.Replaced); got != c.one(t, "Exercised") {
			t.Errorf("exercised %s", got)
		}
	}
}

// TestUnproven patches a module that cannot be loaded in the VM, because its hardware is missing,
// and a function that cannot run.
func TestUnproven(t *testing.T) {
	kernel := realTarget(t)
	c := namedCases(t, "unproven", "absent-hardware")[0]
	cfg := vm.Config{Image: kernel.Image, Modules: kernel.Modules, Module: c.build(t, kernel, t.TempDir())}
	test := runVM(t, cfg).Test
	if test.Verdict != report.NotProven ||
		!strings.Contains(test.Reason, "via_rng was not patched: module via_rng does not load here: no such device") {
		t.Errorf("%s: %s", test.Verdict, test.Reason)
	}
	cfg.AllowUnloaded = []string{"via_rng"}
	if test := judge(t, cfg).Test; test.Exercised == nil || test.Exercised.Replaced != 2 {
		t.Errorf("%+v", test.Exercised)
	}
	cfg.RequireExercised = true
	test = runVM(t, cfg).Test
	if test.Verdict != report.NotProven ||
		test.Reason != "1 of 2 replaced functions did not run: vmlinux/loadavg_proc_show" {
		t.Errorf("%s: %s", test.Verdict, test.Reason)
	}
}

// TestWithoutModules: a patch of a module needs the shipped module.
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

// checkOwners compares the objects of functions and references with the head.
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

// TestBindings builds every patch of testdata/bindings. Their code refers to names that several
// objects have, and to keys that are loaded late.
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
