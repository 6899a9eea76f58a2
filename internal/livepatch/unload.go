package livepatch

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"kintsugi/internal/fault"
)

// Unload disables the livepatch module if it is enabled, waits until no task runs
// its code, and removes it. A pinned module stays loaded without effect, and stays
// is true.
func (h *Host) Unload(ctx context.Context, name string) (stays bool, err error) {
	patch, err := h.Status(name)
	if err != nil {
		return false, err
	}
	if err := h.Disable(ctx, patch.Name); err != nil || patch.Pinned {
		return patch.Pinned, err
	}
	return false, h.removeModule(ctx, patch.Name)
}

// Disable disables the livepatch and waits until no task runs its code. The module
// stays loaded. A transition to the patched code is reversed. An inactive livepatch
// is left as it is.
func (h *Host) Disable(ctx context.Context, name string) error {
	patch, err := h.Status(name)
	if err != nil {
		return err
	}
	limit := h.newTimer(ctx)
	defer limit.stop()
	if patch.State == Enabled || patch.State == Enabling {
		if err := h.writeDisable(limit, patch.Name); err != nil {
			return err
		}
	}
	return h.waitGone(limit, patch.Name)
}

// writeDisable writes 0 to enabled, and repeats while another transition keeps the
// kernel busy.
func (h *Host) writeDisable(limit *timer, name string) error {
	file := h.path("sys/kernel/livepatch", name, "enabled")
	for {
		if err := h.waitIdle(limit, name); err != nil {
			return err
		}
		err := writeExisting(file, "0\n")
		switch {
		case err == nil, errors.Is(err, fs.ErrNotExist):
			return nil // another patch may have replaced it meanwhile
		case errors.Is(err, unix.EBUSY) && limit.sleep():
			continue
		}
		return h.disableError(name, err)
	}
}

// writeExisting writes to a file. Unlike os.WriteFile it never creates the file,
// which matters for the trees of tests.
func writeExisting(path, text string) error {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return gone(path, err)
	}
	defer file.Close()
	_, err = file.WriteString(text)
	return gone(path, err)
}

// removeModule is delete_module(2), repeated after EAGAIN: the kernel drops its own
// reference a moment after the patch has left sysfs (klp_free_patch_finish,
// kernel/livepatch/core.c).
func (h *Host) removeModule(ctx context.Context, name string) error {
	remove := h.remove
	if remove == nil {
		remove = deleteModule
	}
	limit := h.newTimer(ctx)
	defer limit.stop()
	for {
		err := remove(name)
		switch {
		case err == nil, errors.Is(err, unix.ENOENT):
			return nil
		case errors.Is(err, unix.EAGAIN) && limit.sleep():
			continue
		case limit.ctx.Err() != nil && ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, unix.EAGAIN):
			return fault.Environmentf("livepatch %s is disabled but still in use: %w", name, err).
				Hint("a patch whose transition was forced can never be unloaded; it is harmless until the next boot")
		}
		return h.removeError(name, err)
	}
}
