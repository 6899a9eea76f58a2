// Package vm boots a target's own kernel image in QEMU, loads a livepatch
// module into it and takes it out again, with the user's probe run before,
// with the patch in effect, and after.
//
// The guest's init is the kintsugi binary itself (guest.go), so what is
// tested is the load and unload code that a live host runs.
package vm

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"kintsugi/internal/fault"
	"kintsugi/internal/report"
)

// Config is one test.
type Config struct {
	Image  string // the target's bzImage (vmlinuz)
	Module string // the livepatch module
	// Probe is a shell script that busybox sh runs with the one argument
	// before, after or reverted; any exit status but zero fails the test.
	// Empty: the module is only loaded and unloaded.
	Probe string
	// Files are further files of the guest: absolute guest path to host path.
	// The probe can insmod the modules among them.
	Files map[string]string

	CPU        string // QEMU's model and features; empty is all that the accelerator has
	KernelArgs string // further arguments of the kernel

	Timeout    time.Duration // of the whole VM; zero is DefaultTimeout
	Transition time.Duration // longest wait for one transition; zero is a minute

	Console io.Writer // gets the console as it comes, optional
	QEMU    string    // zero is qemu-system-x86_64
	Busybox string    // a static busybox; zero is /bin/busybox
	Init    string    // a static kintsugi; zero is this executable

	accels []string // QEMU's accelerators to try; nil is what this machine has
}

// DefaultTimeout is generous: emulation without KVM takes some ten seconds on
// an idle machine, and a busy CI machine many times that.
const DefaultTimeout = 5 * time.Minute

// Result is what happened in the VM.
type Result struct {
	Test    report.Test
	Hints   []string // advice that belongs to Test.Reason
	Console string   // what the guest's kernel said
	Accel   string   // "kvm" or "tcg"
	Steps   []Step   // in the order in which they were begun
}

// Step is one step of the sequence in the guest.
type Step struct {
	Name    string
	Elapsed time.Duration // since the guest's init began
}

// Run tests the module. A module or probe that fails is a Result that is not
// OK; an error means that there is no answer (fault.Environment: QEMU,
// busybox or the kernel did not run; fault.Input: a file is not what it
// should be). The Result of an error is not nil where a VM ran, for its Console.
func Run(ctx context.Context, cfg Config) (*Result, error) {
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "kintsugi-vm-")
	if err != nil {
		return nil, fault.Environmentf("folder for the VM: %w", err)
	}
	defer os.RemoveAll(dir)
	initramfs := filepath.Join(dir, "initramfs.cpio")
	if err := cfg.writeInitramfs(initramfs); err != nil {
		return nil, err
	}
	limited, stop := context.WithTimeout(ctx, cfg.Timeout)
	defer stop()
	out, err := cfg.boot(limited, dir, initramfs)
	if err == nil && errors.Is(ctx.Err(), context.Canceled) {
		err = ctx.Err()
	}
	if err != nil {
		return out.result(), err
	}
	return judge(out, cfg.Timeout)
}

func (cfg Config) withDefaults() Config {
	if cfg.Timeout == 0 {
		cfg.Timeout = DefaultTimeout
	}
	if cfg.Transition == 0 {
		cfg.Transition = time.Minute
	}
	if cfg.QEMU == "" {
		cfg.QEMU = "qemu-system-x86_64"
	}
	if cfg.Busybox == "" {
		cfg.Busybox = "/bin/busybox"
	}
	if cfg.Init == "" {
		cfg.Init, _ = os.Executable() // checked with the rest
	}
	if cfg.accels == nil {
		cfg.accels = accelerators()
	}
	return cfg
}
