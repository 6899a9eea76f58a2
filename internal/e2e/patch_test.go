package e2e

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"kintsugi/builder"
	"kintsugi/internal/fault"
	"kintsugi/internal/report"
	"kintsugi/internal/target"
	"kintsugi/internal/vm"
)

// TestPatches builds every patch of testdata/patches and of the examples, compares the report with
// the patch's head, and checks the change in a running kernel.
func TestPatches(t *testing.T) {
	kernel := realTarget(t)
	for _, c := range append(readCases(t, testdata+"/patches"), readCases(t, "../../examples")...) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			boot(t, kernel, c.build(t, kernel, t.TempDir()), c.probe(), nil)
		})
	}
}

// build builds the module and returns its path.
func (c *testCase) build(t *testing.T, kernel *target.Target, out string) string {
	t.Helper()
	return filepath.Join(out, c.report(t, kernel, out).Module.Path)
}

// report builds the module in out and compares the report with the head.
func (c *testCase) report(t *testing.T, kernel *target.Target, out string) *report.Report {
	t.Helper()
	opts := options(kernel, out, c.path)
	opts.Accept = c.consents(t)
	rep, err := builder.Build(context.Background(), opts)
	if err != nil {
		t.Fatalf("build: %s\n%s", explain(err), diagnostics(rep))
	}
	c.checkReport(t, rep)
	c.checkOwners(t, rep)
	return rep
}

func (c *testCase) checkReport(t *testing.T, rep *report.Report) {
	t.Helper()
	if rep.Verdict != report.OK {
		t.Errorf("verdict %s", rep.Verdict)
	}
	functions, data := contents(rep)
	if diff := cmp.Diff(sorted(c.head["Functions"]), functions, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("functions (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(sorted(c.head["Data"]), data, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("data (-want +got):\n%s", diff)
	}
	for _, want := range c.head["References"] {
		if !slices.ContainsFunc(rep.References,
			func(r report.Reference) bool { return string(r.Kind)+" "+r.Symbol == want }) {
			t.Errorf("no reference %q in %+v", want, rep.References)
		}
	}
	for _, code := range c.head["Notes"] {
		if !slices.ContainsFunc(rep.Diagnostics, func(d report.Diagnostic) bool { return string(d.Code) == code }) {
			t.Errorf("no diagnostic %s\n%s", code, diagnostics(rep))
		}
	}
	for _, name := range c.head["Positions"] {
		if !hasPosition(rep, name) {
			t.Errorf("no position of %s, whose name is not unique", name)
		}
	}
}

func hasPosition(rep *report.Report, name string) bool {
	return slices.ContainsFunc(rep.Functions, func(f report.Function) bool { return f.Name == name && f.SymPos > 0 }) ||
		slices.ContainsFunc(rep.References, func(r report.Reference) bool { return r.Symbol == name && r.SymPos > 0 })
}

// machines limits the number of VMs that run in parallel.
var machines = make(chan struct{}, 2)

// boot loads the module into its kernel and runs the probe. files are the probe's files in the
// guest, by path.
func boot(t *testing.T, kernel *target.Target, module, probe string, files map[string]string) {
	t.Helper()
	judge(t, vm.Config{Image: kernel.Image, Modules: kernel.Modules, Module: module, Probe: probe, Files: files})
}

// judge runs the VM and fails the test if its verdict is not ok.
func judge(t *testing.T, cfg vm.Config) *vm.Result {
	t.Helper()
	result := runVM(t, cfg)
	if !result.Test.OK {
		t.Errorf("VM test: %s %q\n%s", result.Test.Reason, result.Hints, console(result))
	}
	return result
}

// runVM runs the VM and accepts any verdict.
func runVM(t *testing.T, cfg vm.Config) *vm.Result {
	t.Helper()
	machines <- struct{}{}
	defer func() { <-machines }()
	cfg.Init = program(t)
	result, err := vm.Run(context.Background(), cfg)
	if err != nil {
		t.Fatalf("VM: %v %q\n%s", err, fault.Hints(err), console(result))
	}
	for _, p := range result.Test.Phases {
		t.Logf("%s: %d\n%s", p.Name, p.Status, p.Output)
	}
	if e := result.Test.Exercised; e != nil {
		t.Logf("exercised %d of %d: %s", e.Ran, e.Replaced, calls(result))
	}
	return result
}

// calls lists how often each replaced function ran.
func calls(r *vm.Result) string {
	var list []string
	for _, f := range r.Test.Functions {
		n := f.Reason
		if f.Runs != nil {
			n = fmt.Sprint(*f.Runs)
		}
		list = append(list, f.Object+"/"+f.Name+" "+n)
	}
	return strings.Join(list, ", ")
}

// console returns the end of the guest kernel's output.
func console(r *vm.Result) string {
	if r == nil {
		return ""
	}
	const most = 6000
	return r.Console[max(0, len(r.Console)-most):]
}

func diagnostics(rep *report.Report) string {
	var b strings.Builder
	for _, d := range rep.Diagnostics {
		b.WriteString("\t" + string(d.Severity) + " " + string(d.Code) + " " + d.Source + " " + d.Symbol + ": " +
			d.Message + "\n")
	}
	return b.String()
}
