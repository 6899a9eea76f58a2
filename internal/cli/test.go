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

The test is ok only if the kernel reports every object of the livepatch as
patched. The modules that it patches are loaded first, with those they need; then
the livepatch; then each module is unloaded and loaded again. With
--order livepatch the modules come after the livepatch. A module that the VM
cannot load makes the verdict "unproven", unless --allow-unloaded names it.

Each NEWER.ko is loaded over the module before it, and taken back.

The probe is a shell script. Its first argument is before, after or reverted, its
second the name of the livepatch. An exit status other than 0 fails the test, and
so do a warning of the kernel and a transition that does not end; the console is
then shown. After a reload and after each NEWER.ko the probe runs with "after"
again. During --cycles it runs in a loop with "load", whatever its exit status.
The guest has those modules in /modules.

The result counts how often each replaced function ran. With four cycles or more,
kernel memory that grows in each quarter of them, by over 2 MB in all, fails the
test.

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
	flags.StringVar(&o.Probe, "probe", "", "shell script that looks at the kernel before, during and after")
	flags.StringVar((*string)(&o.Order), "order", string(vm.ModulesFirst), "what is loaded first: modules or livepatch")
	flags.StringArrayVar(&o.With, "with", nil, "load a further module of the target first (repeatable)")
	allowUnloadedFlag(cmd, &o.Config)
	flags.BoolVar(&o.RequireExercised, "require-exercised", false, "every replaced function must run")
	flags.IntVar(&o.Cycles, "cycles", 0, "load and unload `N` more times under load, and compare memory")
	flags.StringVar(&o.junit, "junit", "", "write the result to `FILE` as JUnit XML")
	flags.StringVar(&o.KernelArgs, "kernel-args", "", "further arguments of the VM's kernel")
	flags.IntVar(&o.MemoryMB, "memory", vm.DefaultMemoryMB, "memory of the VM in `MB`")
	flags.DurationVar(&o.Timeout, "timeout", 0, "limit for the whole VM (default 5m, and 20s for each cycle)")
}

func allowUnloadedFlag(cmd *cobra.Command, cfg *vm.Config) {
	cmd.Flags().StringArrayVar(&cfg.AllowUnloaded, "allow-unloaded", nil,
		"the VM need not load this patched `MODULE` (repeatable)")
}

// test prints what happened to the module in the VM.
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

// describeModule is what the file of a module shows of it.
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

// runVM tests a module and notes in rep what happened. A test that is not ok
// is an error of class Verdict; the console, which shows more, is then printed.
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
