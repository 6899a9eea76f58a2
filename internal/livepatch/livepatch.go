// Package livepatch loads, watches and unloads livepatch modules through sysfs and
// the module system calls, both on a live host and as init of a test VM.
//
// Documentation/ABI/testing/sysfs-kernel-livepatch of the kernel describes the
// files. Older kernels lack some of them, so each is optional here.
package livepatch

import (
	"os"
	"path/filepath"
	"strings"
	"time"

	"kintsugi/internal/fault"
)

// Host is a running kernel. The zero value is the kernel of this machine.
type Host struct {
	// Root is the folder of proc, sys and dev; empty is "/".
	Root string
	// Wait is the longest time that Load, Disable and Unload wait for a
	// transition; zero is a minute.
	Wait time.Duration

	insert func(*os.File) error    // nil is finit_module(2)
	remove func(name string) error // nil is delete_module(2)
	poll   time.Duration           // between two reads of sysfs; zero is 20 ms
}

// State is the state of a livepatch module.
type State string

const (
	Enabled   State = "enabled"   // every task runs the patched code
	Enabling  State = "enabling"  // tasks are still being switched to the patched code
	Disabling State = "disabling" // tasks are still being switched back
	Disabled  State = "disabled"  // switched back, about to leave sysfs
	Inactive  State = "inactive"  // loaded but replaced or disabled: it can only be unloaded
)

// Patch is one loaded livepatch module.
type Patch struct {
	Name       string `json:"name"`
	State      State  `json:"state"`
	Replace    *bool  `json:"replace,omitempty"`     // atomic replace; since Linux 6.11
	StackOrder *int   `json:"stack_order,omitempty"` // 1 is the oldest; since Linux 6.14
	// Pinned is true for a module without an exit function, which stays loaded until
	// the next boot ([permanent] in /proc/modules).
	Pinned   bool     `json:"pinned,omitempty"`
	Objects  []Object `json:"objects"`
	Blockers []Task   `json:"blockers,omitempty"` // during a transition, the tasks it waits for
}

// InTransition reports whether tasks are still being switched.
func (p *Patch) InTransition() bool { return p.State == Enabling || p.State == Disabling }

// Object is vmlinux or a module, with the functions patched in it.
type Object struct {
	Name      string     `json:"name"`
	Patched   *bool      `json:"patched,omitempty"` // false: the module is not loaded
	Derived   bool       `json:"derived,omitempty"` // Patched is derived, as Linux before 6.1 does not report it
	Functions []Function `json:"functions"`
}

// Function is one patched function.
type Function struct {
	Name   string `json:"name"`
	SymPos uint64 `json:"sympos"` // which of the object's symbols of that name; 0 is the only one
}

// maxName is the longest module name: MODULE_NAME_LEN of include/linux/module.h
// without its NUL.
const maxName = 55

// moduleName is name in the kernel's spelling. A name that no module can have, and
// that is no path component, is an error.
func moduleName(name string) (string, error) {
	if name == "" || len(name) > maxName || strings.ContainsAny(name, "/.\x00 \n") {
		return "", fault.Inputf("%q is not the name of a module", name)
	}
	return strings.ReplaceAll(name, "-", "_"), nil
}

func (h *Host) path(elem ...string) string {
	root := h.Root
	if root == "" {
		root = "/"
	}
	return filepath.Join(append([]string{root}, elem...)...)
}

func (h *Host) wait() time.Duration {
	if h.Wait > 0 {
		return h.Wait
	}
	return time.Minute
}

func (h *Host) interval() time.Duration {
	if h.poll > 0 {
		return h.poll
	}
	return 20 * time.Millisecond
}
