package livepatch

import (
	"context"
	"debug/elf"
	"errors"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"kintsugi/internal/diag"
	"kintsugi/internal/fault"
	"kintsugi/internal/klp"
)

// OnStall is the reaction of Load to a transition that does not end in time.
type OnStall string

const (
	Revert OnStall = "revert" // reverse the transition, and unload
	Leave  OnStall = "wait"   // leave it to the kernel, which keeps trying
)

// LoadOptions are the options of Load.
type LoadOptions struct {
	Drop    bool    // load although fixes of loaded livepatches are lost
	OnStall OnStall // empty is Revert
	// Replaces is called with the livepatches that will be replaced, before the
	// module is loaded; optional.
	Replaces func([]Replacement)
}

// Loaded is a livepatch that Load has loaded, or found loaded.
type Loaded struct {
	Patch
	Already  bool          `json:"already,omitempty"` // the same module was loaded before
	Replaced []Replacement `json:"replaced,omitempty"`
}

// Load inserts the livepatch module in the file at path and waits until every
// task runs the patched code. A module that is loaded already is left as it is.
func (h *Host) Load(ctx context.Context, path string, opts LoadOptions) (*Loaded, error) {
	file, module, err := h.openLivepatch(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	result := &Loaded{}
	already, err := h.same(file, module)
	if err != nil {
		return nil, err
	}
	if result.Already = already; !already {
		if result.Replaced, err = h.checkReplaced(file, opts); err != nil {
			return nil, err
		}
		if err := h.insertModule(ctx, file, module.Name); err != nil {
			return nil, err
		}
	}
	patch, err := h.AwaitEnabled(ctx, module.Name)
	if err != nil {
		return nil, h.stallEnded(ctx, module.Name, opts.OnStall, err)
	}
	result.Patch = *patch
	return result, nil
}

// Insert inserts the livepatch module in the file at path and returns its name. It
// first waits for the transition of another livepatch, since the kernel allows one
// at a time. When Insert returns, the new transition has begun.
func (h *Host) Insert(ctx context.Context, path string) (name string, err error) {
	file, module, err := h.openLivepatch(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	return module.Name, h.insertModule(ctx, file, module.Name)
}

// AwaitEnabled waits until every task runs the code of an inserted livepatch.
func (h *Host) AwaitEnabled(ctx context.Context, name string) (*Patch, error) {
	if err := h.waitEnabled(ctx, name); err != nil {
		return nil, err
	}
	return h.Status(name)
}

// openLivepatch opens a module file, and checks that it is a livepatch.
func (h *Host) openLivepatch(path string) (*os.File, *Module, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, fault.Inputf("module: %w", err)
	}
	module, err := ReadModule(file)
	if err == nil && !module.Livepatch {
		err = fault.Inputf("%s is not a livepatch module: .modinfo has no livepatch=Y", module.Name)
	}
	if err == nil {
		_, err = h.active()
	}
	if err != nil {
		file.Close()
		return nil, nil, err
	}
	return file, module, nil
}

// same reports whether exactly this module is loaded. Another module of its name
// is an error.
func (h *Host) same(file *os.File, module *Module) (bool, error) {
	object, err := elf.NewFile(file)
	if err != nil {
		return false, fault.Inputf("module: %w", err)
	}
	patch, err := h.alreadyLoaded(module, object)
	return patch != nil, err
}

// checkReplaced returns the livepatches that are replaced. It refuses to lose fixes
// unless opts.Drop is set.
func (h *Host) checkReplaced(file *os.File, opts LoadOptions) ([]Replacement, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, fault.Inputf("module: %w", err)
	}
	data, err := io.ReadAll(io.NewSectionReader(file, 0, info.Size()))
	if err != nil {
		return nil, fault.Inputf("module: %w", err)
	}
	module, err := klp.Inspect(data)
	if err != nil {
		return nil, err
	}
	list, err := h.replacements(module)
	if err != nil {
		return nil, err
	}
	if opts.Replaces != nil && len(list) > 0 {
		opts.Replaces(list)
	}
	if opts.Drop {
		return list, nil
	}
	return list, dropError(module.Name, list)
}

// stallEnded handles a transition that did not end in time. It returns any other
// error unchanged.
func (h *Host) stallEnded(ctx context.Context, name string, on OnStall, err error) error {
	var stall *Stalled
	if !errors.As(err, &stall) || on == Leave {
		return err
	}
	reverted := fault.Verdictf(diag.TransitionStalled, "%w", stall)
	stays, err := h.Unload(ctx, name)
	if err != nil {
		return reverted.Hint("reversing it has failed too: %v", err).
			Hint("`kintsugi unload %s` tries again; `kintsugi status` shows the tasks", name)
	}
	if stays {
		reverted.Hint("it was reversed: the kernel's code is as before. " +
			"The module is pinned and stays loaded until the next boot; to load it again, build it under another name")
	} else {
		reverted.Hint("it was reversed, and the livepatch unloaded: the kernel is as before")
	}
	return reverted.Hint("--timeout waits longer; --on-stall wait leaves the transition to the kernel, which keeps " +
		"trying")
}

// busyTries is the number of retries if the kernel is busy without a visible
// transition: the transition may have just ended.
const busyTries = 5

// insertModule is finit_module(2), repeated while another transition keeps the
// kernel busy.
func (h *Host) insertModule(ctx context.Context, file *os.File, name string) error {
	insert := h.insert
	if insert == nil {
		insert = finitModule
	}
	log := h.openLog()
	defer log.Close()
	limit := h.newTimer(ctx)
	defer limit.stop()
	var lines []string
	for tries := 1; ; tries++ {
		if err := h.waitIdle(limit, name); err != nil {
			return err
		}
		err := insert(file)
		if err == nil {
			return nil
		}
		lines = append(lines, log.Lines()...)
		again := errors.Is(err, unix.EBUSY) && tries < busyTries && !callbackFailed(lines)
		if !again || !limit.sleep() {
			return h.insertError(name, err, lines)
		}
	}
}

// callbackFailed reports whether a callback of the livepatch has failed: its error
// is that of finit_module, which can be EBUSY too (__klp_enable_patch,
// kernel/livepatch/core.c).
func callbackFailed(log []string) bool {
	for _, line := range log {
		if strings.Contains(line, "callback failed for object") {
			return true
		}
	}
	return false
}

func finitModule(file *os.File) error {
	return unix.FinitModule(int(file.Fd()), "", 0)
}

func deleteModule(name string) error {
	return unix.DeleteModule(name, unix.O_NONBLOCK)
}
