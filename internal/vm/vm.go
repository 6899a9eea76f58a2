// Package vm boots a target's own kernel image in QEMU, loads a livepatch
// module into it and takes the module out again. The user's probe runs before,
// with the livepatch in effect, and after.
//
// The guest's init is the kintsugi binary itself (guest.go), so the test runs
// the load and unload code that a live host runs.
package vm

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"kintsugi/internal/arch"
	"kintsugi/internal/fault"
	"kintsugi/internal/report"
)

// Order is what the guest loads first.
type Order string

const (
	// ModulesFirst loads the patched modules, then the livepatch, and then takes
	// each module out and loads it again.
	ModulesFirst Order = "modules"
	// LivepatchFirst loads the livepatch while no patched module is there.
	LivepatchFirst Order = "livepatch"
)

// Config is one test.
type Config struct {
	Image  string // the target's bootable image (vmlinuz)
	Module string // the livepatch module
	// Newer are livepatch modules that are loaded over Module, one after the
	// other, after which the guest goes back to Module step by step.
	Newer []string
	// Probe is a shell script for busybox sh. Its arguments are before, after or
	// reverted, and the name of the livepatch. Any exit status but zero fails the
	// test. Empty: no probe.
	Probe string
	// Files are further files of the guest: absolute guest path to host path.
	Files map[string]string

	Modules string   // the target's /lib/modules/RELEASE; empty: the target has no modules
	With    []string // modules of the target to load beside those that the livepatch patches
	Order   Order    // zero is ModulesFirst
	// AllowUnloaded are patched modules that need not be loaded in the guest.
	AllowUnloaded []string
	// RequireExercised makes every replaced function have to run.
	RequireExercised bool
	// Cycles is how often the livepatch is loaded and unloaded under load
	// afterwards.
	Cycles int

	CPU        string // QEMU's model and features; empty is all that the accelerator has
	KernelArgs string // further arguments of the kernel
	MemoryMB   int    // of the guest; zero is DefaultMemoryMB

	Timeout    time.Duration // of the whole VM; zero is DefaultTimeout and CycleTimeout for each cycle
	Transition time.Duration // longest wait for one transition; zero is a minute

	Console io.Writer // gets the console as it comes, optional
	QEMU    string    // zero is the machine's own
	Busybox string    // a static busybox; zero is /bin/busybox
	Init    string    // a static kintsugi; zero is this executable

	accels []string // QEMU's accelerators to try; nil is what this machine has
}

// DefaultTimeout is generous: emulation without KVM takes some ten seconds on
// an idle machine, and a busy CI machine many times that.
const DefaultTimeout = 5 * time.Minute

// CycleTimeout is what each cycle adds to DefaultTimeout.
const CycleTimeout = 20 * time.Second

// DefaultMemoryMB is enough for every thread of the kernel to run: below 512 MB
// of usable memory the kernel switches huge pages off, and khugepaged with them
// (hugepage_init, mm/huge_memory.c).
const DefaultMemoryMB = 1024

// Result is what happened in the VM.
type Result struct {
	Test    report.Test
	Hints   []string // advice that belongs to Test.Reason
	Console string   // what the guest's kernel printed
	Accel   string   // "kvm" or "tcg"
}

// Run tests the module. A module or probe that fails is a Result that is not
// OK; an error means that there is no answer (fault.Environment: QEMU,
// busybox or the kernel did not run; fault.Input: a file is not what it
// should be). The Result of an error is not nil if a VM ran, for its Console.
func Run(ctx context.Context, cfg Config) (*Result, error) {
	t, err := prepare(cfg)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "kintsugi-vm-")
	if err != nil {
		return nil, fault.Environmentf("folder for the VM: %w", err)
	}
	defer os.RemoveAll(dir)
	initramfs := filepath.Join(dir, "initramfs.cpio")
	if err := t.writeInitramfs(initramfs); err != nil {
		return nil, err
	}
	limited, stop := context.WithTimeout(ctx, t.Timeout)
	defer stop()
	out, err := t.boot(limited, dir, initramfs)
	if err == nil && errors.Is(ctx.Err(), context.Canceled) {
		err = ctx.Err()
	}
	if err != nil {
		return out.result(), err
	}
	return t.judge(out)
}

// test is a Config whose files were read and found good.
type test struct {
	Config
	machine *arch.Arch
	payload
}

// prepare fills in what cfg leaves open, and checks everything before anything
// runs.
func prepare(cfg Config) (*test, error) {
	machine, err := cfg.machine()
	if err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults(machine)
	if err := cfg.check(machine); err != nil {
		return nil, err
	}
	load, err := cfg.collect()
	if err != nil {
		return nil, err
	}
	for _, m := range load.modules {
		if _, twice := cfg.Files[kernelModulePath(m.name)]; twice {
			return nil, fault.Inputf("%s in the guest is the target's module", kernelModulePath(m.name))
		}
	}
	return &test{Config: cfg, machine: machine, payload: *load}, nil
}

func (cfg Config) withDefaults(machine *arch.Arch) Config {
	if cfg.Order == "" {
		cfg.Order = ModulesFirst
	}
	if cfg.MemoryMB == 0 {
		cfg.MemoryMB = DefaultMemoryMB
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = DefaultTimeout + time.Duration(cfg.Cycles)*CycleTimeout
	}
	if cfg.Transition == 0 {
		cfg.Transition = time.Minute
	}
	if cfg.QEMU == "" {
		cfg.QEMU = machine.QEMU.Program
	}
	if cfg.Busybox == "" {
		cfg.Busybox = "/bin/busybox"
	}
	if cfg.Init == "" {
		cfg.Init, _ = os.Executable() // checked with the rest
	}
	if cfg.accels == nil {
		cfg.accels = accelerators(machine)
	}
	return cfg
}
