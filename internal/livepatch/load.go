package livepatch

import (
	"context"
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"kintsugi/internal/fault"
)

// Load inserts the livepatch module in the file at path and waits until every
// task runs the patched code.
func (h *Host) Load(ctx context.Context, path string) (*Patch, error) {
	name, err := h.Insert(ctx, path)
	if err != nil {
		return nil, err
	}
	return h.AwaitEnabled(ctx, name)
}

// Insert inserts the livepatch module in the file at path and returns its
// name. A transition of another livepatch must end first, since the kernel
// allows one at a time; the transition of this one has begun.
func (h *Host) Insert(ctx context.Context, path string) (name string, err error) {
	file, err := os.Open(path)
	if err != nil {
		return "", fault.Inputf("module: %w", err)
	}
	defer file.Close()
	module, err := ReadModule(file)
	if err != nil {
		return "", err
	}
	if !module.Livepatch {
		return "", fault.Inputf("%s is not a livepatch module: .modinfo has no livepatch=Y", module.Name)
	}
	if _, err := h.active(); err != nil {
		return "", err
	}
	return module.Name, h.insertModule(ctx, file, module.Name)
}

// AwaitEnabled waits until every task runs the code of the livepatch that was
// inserted.
func (h *Host) AwaitEnabled(ctx context.Context, name string) (*Patch, error) {
	if err := h.waitEnabled(ctx, name); err != nil {
		return nil, err
	}
	return h.Status(name)
}

// insertModule is finit_module(2), repeated while another transition is under way.
func (h *Host) insertModule(ctx context.Context, file *os.File, name string) error {
	insert := h.insert
	if insert == nil {
		insert = finitModule
	}
	log := h.openLog()
	defer log.Close()
	limit := h.newTimer(ctx)
	defer limit.stop()
	for {
		if err := h.waitIdle(limit, name); err != nil {
			return err
		}
		err := insert(file)
		if err == nil {
			return nil
		}
		if !errors.Is(err, unix.EBUSY) || !limit.sleep() {
			return h.insertError(name, err, log.Lines())
		}
	}
}

func finitModule(file *os.File) error {
	return unix.FinitModule(int(file.Fd()), "", 0)
}

func deleteModule(name string) error {
	return unix.DeleteModule(name, unix.O_NONBLOCK)
}
