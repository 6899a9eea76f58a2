package livepatch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"kintsugi/internal/diag"
	"kintsugi/internal/fault"
)

// timer limits a wait by Host.Wait and by the caller's context.
type timer struct {
	ctx      context.Context // ends with the caller's context or with Host.Wait
	stop     context.CancelFunc
	interval time.Duration
}

func (h *Host) newTimer(ctx context.Context) *timer {
	ctx, stop := context.WithTimeout(ctx, h.wait())
	return &timer{ctx: ctx, stop: stop, interval: h.interval()}
}

// sleep waits a moment. It returns false when the time is over.
func (t *timer) sleep() bool {
	select {
	case <-t.ctx.Done():
		return false
	case <-time.After(t.interval):
		return true
	}
}

// Stalled is a transition that did not end in time, and the tasks it waits for.
type Stalled struct {
	Patch string
	To    State // Enabled or Disabled
	Tasks []Task
}

func (e *Stalled) Error() string {
	what := "no task in /proc waits to switch, so it is an idle CPU"
	if n := len(e.Tasks); n > 0 {
		var names []string
		for _, t := range e.Tasks[:min(n, 3)] {
			names = append(names, t.String())
		}
		what = fmt.Sprintf("%d not switched: %s", n, strings.Join(names, "; "))
	}
	return fmt.Sprintf("transition of livepatch %s to %s does not end: %s", e.Patch, e.To, what)
}

// stalled is the error for a wait that ended with patch still in transition.
func stalled(ctx context.Context, patch *Patch) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return interrupted(ctx, patch)
	}
	to := Disabled
	if patch.State == Enabling {
		to = Enabled
	}
	return &fault.Error{
		Class: fault.Verdict, Code: diag.TransitionStalled,
		Err: &Stalled{Patch: patch.Name, To: to, Tasks: patch.Blockers},
		Hints: []string{
			"the kernel keeps trying: a task switches when it leaves the kernel or sleeps outside the patched functions",
			"`kintsugi status` lists the tasks that have not switched",
			fmt.Sprintf("`kintsugi unload %s` reverses the transition", patch.Name),
		},
	}
}

// interrupted is the error of a wait that the user ended. It reports the remaining
// state, and how to continue.
func interrupted(ctx context.Context, patch *Patch) error {
	return &fault.Error{
		Class: fault.Environment, Err: fmt.Errorf("livepatch %s: %w", patch.Name, ctx.Err()),
		Hints: []string{
			fmt.Sprintf("livepatch %s is left %s: the kernel keeps switching tasks", patch.Name, patch.State),
			"`kintsugi status` shows the tasks that have not switched",
			fmt.Sprintf("`kintsugi unload %s` removes it in either direction of the transition", patch.Name),
		},
	}
}

// waitIdle waits until no patch other than self is in transition.
func (h *Host) waitIdle(limit *timer, self string) error {
	for {
		busy, err := h.transitioning(self)
		if err != nil || busy == "" {
			return err
		}
		if limit.sleep() {
			continue
		}
		patch, err := h.read(busy)
		if err != nil {
			return nil // the transition has just ended
		}
		return stalled(limit.ctx, patch)
	}
}

// transitioning returns the patch in transition, other than self. The kernel has at
// most one such patch.
func (h *Host) transitioning(self string) (string, error) {
	names, err := h.active()
	if err != nil {
		return "", err
	}
	for _, name := range names {
		busy, err := readBool(h.path("sys/kernel/livepatch", name, "transition"))
		if err != nil {
			return "", err
		}
		if name != self && busy != nil && *busy {
			return name, nil
		}
	}
	return "", nil
}

// waitEnabled waits for the end of the transition to the patched code.
func (h *Host) waitEnabled(ctx context.Context, name string) error {
	limit := h.newTimer(ctx)
	defer limit.stop()
	for {
		patch, err := h.read(name)
		switch {
		case errors.Is(err, fs.ErrNotExist), err == nil && (patch.State == Disabling || patch.State == Disabled):
			return fault.Environmentf("livepatch %s was disabled or replaced while it was being loaded", name)
		case err != nil:
			return fault.Environmentf("livepatch %s: %w", name, err)
		case patch.State == Enabled:
			return nil
		}
		if !limit.sleep() {
			return stalled(limit.ctx, patch)
		}
	}
}

// waitGone waits until the patch has left sysfs, which happens when the transition
// back has ended.
func (h *Host) waitGone(limit *timer, name string) error {
	for {
		patch, err := h.read(name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return fault.Environmentf("livepatch %s: %w", name, err)
		}
		if !limit.sleep() {
			return stalled(limit.ctx, patch)
		}
	}
}
