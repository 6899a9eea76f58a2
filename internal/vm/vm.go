// Package vm boots a target's own kernel image in QEMU, loads a livepatch module
// into it and unloads the module again. The user's probe runs before, with the
// livepatch in effect, and after.
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
	"kintsugi/internal/disk"
	"kintsugi/internal/fault"
	"kintsugi/internal/report"
)

// Order is the order in which the guest loads modules and livepatch.
type Order string

const (
	// ModulesFirst loads the patched modules, then the livepatch, and then unloads
	// and reloads each module.
	ModulesFirst Order = "modules"
	// LivepatchFirst loads the livepatch before any patched module.
	LivepatchFirst Order = "livepatch"
)

// Config describes a test.
type Config struct {
	Image  string // the target's bootable image (vmlinuz)
	Module string // the livepatch module
	// Newer are livepatch modules that are loaded over Module, one after the other.
	// Then the guest returns to Module step by step.
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
	// RequireExercised makes the test unproven if a replaced function does not run.
	RequireExercised bool
	// Cycles is the number of further times that the livepatch is loaded and
	// unloaded, under load.
	Cycles int

	CPU        string // QEMU's model and features; empty is the most that the accelerator has
	KernelArgs string // further arguments of the kernel
	MemoryMB   int    // of the guest; zero is DefaultMemoryMB

	Timeout    time.Duration // of the whole VM; zero is DefaultTimeout and CycleTimeout for each cycle
	Transition time.Duration // longest wait for one transition; zero is a minute

	Console io.Writer // gets the console as it grows, optional
	QEMU    string    // zero is the machine's own
	Busybox string    // a static busybox; zero is /bin/busybox
	Init    string    // a static kintsugi; zero is this executable

	accels []string // QEMU's accelerators to try; nil: those of this machine
}

// DefaultTimeout is generous: emulation without KVM needs about ten seconds on an
// idle machine, and many times that on a busy CI machine.
const DefaultTimeout = 5 * time.Minute

// CycleTimeout is added to DefaultTimeout for each cycle.
const CycleTimeout = 20 * time.Second

// DefaultMemoryMB is enough for every thread of the kernel to run: below 512 MB
// of usable memory the kernel switches huge pages off, and khugepaged with them
// (hugepage_init, mm/huge_memory.c).
const DefaultMemoryMB = 1024

// Result is the result of a test in the VM.
type Result struct {
	Test    report.Test
	Hints   []string // advice for Test.Reason
	Console string   // messages of the guest's kernel
	Accel   string   // "kvm" or "tcg"
}

// Run tests the module. If the module or probe fails, the Result is not OK. An error
// means that the test gives no result (fault.Environment: QEMU, busybox or the kernel
// did not run; fault.Input: a file is not of the expected kind). If a VM ran, the
// Result is not nil even with an error, and has the Console.
func Run(ctx context.Context, cfg Config) (*Result, error) {
	t, err := prepare(cfg)
	if err != nil {
		return nil, err
	}
	work, err := disk.NewWork(disk.VMWork)
	if err != nil {
		return nil, fault.Environmentf("folder for the VM: %w", err)
	}
	defer work.Remove() // an error leaves a folder that the next run removes
	dir := work.Dir
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

// test is a Config with its checked files.
type test struct {
	Config
	machine *arch.Arch
	payload
}

// prepare sets the defaults of cfg, and checks everything before anything runs.
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
			return nil, fault.Inputf("%s in the guest is a module of the target", kernelModulePath(m.name))
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
