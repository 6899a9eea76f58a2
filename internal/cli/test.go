package cli

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"kintsugi/internal/diag"
	"kintsugi/internal/fault"
	"kintsugi/internal/klp"
	"kintsugi/internal/report"
	"kintsugi/internal/target"
	"kintsugi/internal/vm"
)

// testOptions are the flags of test.
type testOptions struct {
	vm.Config
	junit string
}

func testVerb(a *app) *cobra.Command {
	opts := testOptions{}
	cmd := a.reporting(&cobra.Command{
		Use:   "test [flags] MODULE.ko [NEWER.ko...]",
		Short: "Load and unload a module in a VM of the target's kernel",
		Long: `Boot the target's own image in QEMU, load the module, and unload it again.

The test loads the modules that the livepatch patches, with the modules that they
need; then the livepatch; then it unloads and reloads each patched module. With
--order livepatch the livepatch is loaded first. The test is ok only if the kernel
reports every object of the livepatch as patched. If the VM cannot load a patched
module, the verdict is "unproven", unless --allow-unloaded names the module.

Each NEWER.ko is loaded over the module before it, and unloaded again.

The probe is a shell script. Its first argument is before, after or reverted, its
second the name of the livepatch. After a reload and after each NEWER.ko it runs
with "after" again. During --cycles it runs in a loop with "load", and its exit
status is ignored. In the guest, the modules of the test are in /modules.

The test fails if the probe ends with an exit status other than 0, if the kernel
prints a warning, or if a transition does not end. The console is then shown.

The result counts how often each replaced function ran. With four cycles or more,
the test fails if kernel memory grows in each quarter of them and by over 2 MB in
all.

Exit codes: 0 ok; 1 failed or unproven; 2 bad input; 3 the VM did not start.`,
		Args: wants(1, maxPatches, "MODULE.ko [NEWER.ko...]"),
	})
	name := a.targetFlag(cmd)
	opts.flags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		opts.Module, opts.Newer = args[0], args[1:]
		return a.test(cmd.Context(), *name, opts)
	}
	return cmd
}

func (o *testOptions) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&o.Probe, "probe", "", "run the shell script `FILE` before, during and after the livepatch")
	flags.StringVar((*string)(&o.Order), "order", string(vm.ModulesFirst), "load `WHAT` first: modules or livepatch")
	flags.StringArrayVar(&o.With, "with", nil, "load `MODULE` of the target first, too (repeatable)")
	allowUnloadedFlag(cmd, &o.Config)
	flags.BoolVar(&o.RequireExercised, "require-exercised", false,
		"make the verdict unproven if a replaced function does not run")
	flags.IntVar(&o.Cycles, "cycles", 0, "load and unload `N` more times under load, and compare memory")
	flags.StringVar(&o.junit, "junit", "", "write the result to `FILE` as JUnit XML")
	flags.StringVar(&o.KernelArgs, "kernel-args", "", "add `ARGS` to the command line of the VM's kernel")
	flags.IntVar(&o.MemoryMB, "memory", vm.DefaultMemoryMB, "give the VM this memory, in `MB`")
	flags.DurationVar(&o.Timeout, "timeout", 0, "end the VM after `TIME` (default 5m, and 20s for each cycle)")
}

func allowUnloadedFlag(cmd *cobra.Command, cfg *vm.Config) {
	cmd.Flags().StringArrayVar(&cfg.AllowUnloaded, "allow-unloaded", nil,
		"accept that the VM cannot load this patched `MODULE` (repeatable)")
}

// test runs the module in the VM and prints the result.
func (a *app) test(ctx context.Context, name string, opts testOptions) error {
	for _, path := range append([]string{opts.Probe, opts.Module}, opts.Newer...) {
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
	if rep.Module, err = describeModule(opts.Module); err != nil {
		return err
	}
	err = a.runVM(ctx, t, opts.Config, rep)
	if rep.Test == nil {
		return err
	}
	if opts.junit != "" {
		if junitErr := writeJUnit(opts.junit, rep); err == nil {
			err = junitErr
		}
	}
	if printErr := a.print(rep, func(w io.Writer) { rep.WriteText(w, report.TextOptions{}) }); err == nil {
		return printErr
	}
	return err
}

// describeModule describes a module by its file.
func describeModule(path string) (*report.Module, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, fault.Inputf("module: %w", err)
	}
	m, err := klp.Inspect(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	sum := sha256.Sum256(data)
	return &report.Module{
		Path: filepath.Base(path), SHA256: hex.EncodeToString(sum[:]),
		Name: m.Name, Vermagic: m.Vermagic, Signed: m.Signed,
	}, nil
}

func writeJUnit(path string, rep *report.Report) error {
	var b bytes.Buffer
	if err := rep.WriteJUnit(&b); err != nil {
		return err
	}
	return replaceFile(path, b.Bytes())
}

// runVM tests a module and adds the result to rep. A test that is not ok is an
// error of class Verdict, and its console is printed.
func (a *app) runVM(ctx context.Context, t *target.Target, cfg vm.Config, rep *report.Report) error {
	a.display.Step("test", 0, 0)
	cfg.Image, cfg.Modules = t.Image, t.Modules
	result, err := vm.Run(ctx, cfg)
	if result != nil && (err != nil || result.Test.Verdict == report.Failed) && ctx.Err() == nil {
		a.display.Note(result.Console)
	}
	if err != nil {
		return err
	}
	rep.Test, rep.Verdict = &result.Test, result.Test.Verdict
	return testError(result)
}

// testError is nil for a test that is ok.
func testError(result *vm.Result) error {
	if result.Test.OK {
		return nil
	}
	err := fault.Verdictf(diag.VMTest, "the module failed its test: %s", result.Test.Reason)
	if result.Test.Verdict == report.NotProven {
		err = fault.Verdictf(diag.VMUnproven, "the test does not prove the module: %s", result.Test.Reason)
	}
	for _, h := range result.Hints {
		err.Hint("%s", h)
	}
	return err
}
