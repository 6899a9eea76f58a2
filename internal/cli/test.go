package cli

import (
	"context"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"kintsugi/internal/diag"
	"kintsugi/internal/fault"
	"kintsugi/internal/report"
	"kintsugi/internal/target"
	"kintsugi/internal/vm"
)

func testVerb(a *app) *cobra.Command {
	var probe string
	cmd := a.reporting(&cobra.Command{
		Use:   "test [flags] MODULE.ko",
		Short: "Load and unload a module in a VM of the target's kernel",
		Long: `Boot the target's own image in QEMU, load the module, and unload it again.

The probe is a shell script that is called three times, with before, after and
reverted; it fails the test with an exit status other than 0. A warning of the
kernel or a transition that does not end fails it too, and the console is shown.

Exit codes: 0 passed; 1 failed; 2 bad input; 3 the VM did not start.`,
		Args: wants(1, 1, "MODULE.ko"),
	})
	name := a.targetFlag(cmd)
	cmd.Flags().StringVar(&probe, "probe", "", "shell script to look at the kernel before, during and after")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return a.test(cmd.Context(), *name, args[0], probe)
	}
	return cmd
}

// test prints what happened to the module in the VM.
func (a *app) test(ctx context.Context, name, module, probe string) error {
	for _, path := range []string{module, probe} {
		if err := readable(path); err != nil && path != "" {
			return fault.Inputf("%w", err)
		}
	}
	t, err := openTarget(name)
	if err != nil {
		return err
	}
	rep := report.New(version())
	rep.Target = &report.Target{Name: t.Name, Release: t.Release, Arch: t.Arch, Compiler: t.Compiler}
	rep.Module = &report.Module{Path: filepath.Base(module), Name: moduleName(module)}
	err = a.runVM(ctx, t, module, probe, rep)
	if rep.Test == nil {
		return err
	}
	if printErr := a.print(rep, func(w io.Writer) { rep.WriteText(w, report.TextOptions{}) }); err == nil {
		return printErr
	}
	return err
}

// moduleName is the kernel's name of the module in a file.
func moduleName(path string) string {
	return strings.ReplaceAll(strings.TrimSuffix(filepath.Base(path), ".ko"), "-", "_")
}

// runVM tests a module and notes in rep what happened. A test that failed is
// an error of class Verdict; the console, which tells more, is then shown.
func (a *app) runVM(ctx context.Context, t *target.Target, module, probe string, rep *report.Report) error {
	a.display.Step("test", 0, 0)
	result, err := vm.Run(ctx, vm.Config{Image: t.Image, Module: module, Probe: probe})
	if result != nil && (err != nil || !result.Test.OK) && ctx.Err() == nil {
		a.display.Note(result.Console)
	}
	if err != nil {
		return err
	}
	rep.Test, rep.Verdict = &result.Test, report.OK
	if result.Test.OK {
		return nil
	}
	rep.Verdict = report.Failed
	failed := fault.Verdictf(diag.VMTest, "the module failed its test: %s", result.Test.Reason)
	for _, h := range result.Hints {
		failed.Hint("%s", h)
	}
	return failed
}
