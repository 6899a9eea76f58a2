package livepatch

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"kintsugi/internal/fault"
)

// obey plays the kernel that disables a patch: when a 0 is written, the
// transition ends a moment later and the patch leaves sysfs.
func obey(t *testing.T, h *Host, name string) *atomic.Bool {
	var gone atomic.Bool
	done := make(chan struct{})
	t.Cleanup(func() { <-done })
	go func() {
		defer close(done)
		for t.Context().Err() == nil {
			if on, err := readBool(h.path("sys/kernel/livepatch", name, "enabled")); err == nil && on != nil && !*on {
				put(t, h.path("sys/kernel/livepatch", name, "transition"), "1\n")
				time.Sleep(10 * time.Millisecond)
				gone.Store(true)
				vanish(t, h, name)
				return
			}
			time.Sleep(time.Millisecond)
		}
	}()
	return &gone
}

func TestUnload(t *testing.T) {
	for _, transition := range []string{"0", "1"} { // enabled, and on the way there
		h := tree(t, nil)
		appear(t, h, "my_patch", "1", transition)
		gone := obey(t, h, "my_patch")
		tries := 0
		h.remove = func(name string) error {
			if !gone.Load() || name != "my_patch" {
				t.Errorf("removed %s, which is still there", name)
			}
			if tries++; tries < 3 {
				return unix.EAGAIN
			}
			return nil
		}
		if _, err := h.Unload(context.Background(), "my-patch"); err != nil || tries != 3 {
			t.Errorf("transition %s: %v after %d tries, want success after 3", transition, err, tries)
		}
	}
}

func TestUnloadInactive(t *testing.T) {
	h := tree(t, map[string]string{"sys/module/old/taint": "K\n"})
	removed := ""
	h.remove = func(name string) error { removed = name; return nil }
	if _, err := h.Unload(context.Background(), "old"); err != nil || removed != "old" {
		t.Errorf("%v, removed %q", err, removed)
	}
}

// TestUnloadPinned has a module without an exit function: the livepatch is
// disabled, and nobody tries to remove the module.
func TestUnloadPinned(t *testing.T) {
	h := tree(t, map[string]string{"proc/modules": "other 16384 0 - Live 0x0\nmy_patch 16384 1 [permanent], Live 0x0 " +
		"(OEK)\n",
		"sys/module/my_patch/taint": "OEK\n"})
	appear(t, h, "my_patch", "1", "0")
	gone := obey(t, h, "my_patch")
	h.remove = func(string) error { t.Error("removed"); return nil }
	for range 2 { // in effect, and without effect
		if stays, err := h.Unload(context.Background(), "my_patch"); !stays || err != nil || !gone.Load() {
			t.Errorf("stays %v, gone %v: %v", stays, gone.Load(), err)
		}
	}
	p, err := h.Status("my_patch")
	if err != nil || !p.Pinned || p.State != Inactive {
		t.Errorf("%+v, %v", p, err)
	}
	if other := h.pinned("other"); other {
		t.Error("a module with an exit function is pinned")
	}
}

func TestUnloadNotLoaded(t *testing.T) {
	h := tree(t, nil)
	h.remove = func(string) error { t.Error("removed"); return nil }
	if _, err := h.Unload(context.Background(), "none"); fault.ClassOf(err) != fault.Input {
		t.Errorf("%v, want a fault.Input", err)
	}
}

func TestUnloadStalls(t *testing.T) {
	h := tree(t, map[string]string{"proc/7/task/7/patch_state": "1\n", "proc/7/task/7/comm": "busy\n"})
	h.Wait = 30 * time.Millisecond
	appear(t, h, "sample", "0", "1")
	h.remove = func(string) error { t.Error("removed"); return nil }
	var stalled *Stalled
	_, err := h.Unload(context.Background(), "sample")
	if !errors.As(err, &stalled) || stalled.To != Disabled || len(stalled.Tasks) != 1 {
		t.Errorf("%v, want a stalled transition and its task", err)
	}
}

func TestUnloadForced(t *testing.T) {
	h := tree(t, map[string]string{"sys/module/old/taint": "K\n"})
	h.Wait = 20 * time.Millisecond
	h.remove = func(string) error { return unix.EAGAIN }
	_, err := h.Unload(context.Background(), "old")
	if fault.ClassOf(err) != fault.Environment || !strings.Contains(strings.Join(fault.Hints(err), "\n"), "forced") {
		t.Errorf("%v, want a fault.Environment that tells of forcing", err)
	}
}
