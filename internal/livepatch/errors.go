package livepatch

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"kintsugi/internal/diag"
	"kintsugi/internal/fault"
)

// insertReason explains an errno of finit_module(2) for a livepatch.
type insertReason struct {
	errno unix.Errno
	class fault.Class
	text  string
	hint  string
}

var insertReasons = []insertReason{
	{unix.ENOEXEC, fault.Verdict, "the kernel refuses the module's format or version",
		"it was built for another kernel release or configuration (compare its vermagic with `uname -r`)"},
	{unix.ENOENT, fault.Verdict, "the module needs a symbol that the kernel does not have",
		"it was built for another kernel"},
	{unix.EINVAL, fault.Verdict, "the kernel refuses the livepatch",
		"a function or symbol that it names is not in this kernel as described; was it built for another one?"},
	{unix.EKEYREJECTED, fault.Environment, "the kernel takes signed modules only",
		"sign the module with a key that the kernel trusts, or boot without module.sig_enforce and Secure Boot lockdown"},
	{unix.ENOKEY, fault.Environment, "the kernel does not know the key that the module is signed with",
		"enroll the key (mokutil --import), or boot without module.sig_enforce"},
	{unix.EBADMSG, fault.Verdict, "the module's signature is damaged", "sign it again, and do not strip a signed module"},
	{unix.EEXIST, fault.Input, "a module of that name is loaded already",
		"unload it first, or build under another name (-n)"},
	{unix.EBUSY, fault.Environment, "the kernel is busy with another transition or a module of the same name",
		"`kintsugi list` shows what is under way"},
	{unix.ENODEV, fault.Environment, "the kernel cannot livepatch", "livepatching was not initialised on this kernel"},
	{unix.ENOSYS, fault.Environment, "the kernel cannot load modules",
		"it was built without CONFIG_MODULES or is not Linux"},
	{unix.ENOMEM, fault.Environment, "the kernel has no memory for the module", "free some memory and try again"},
}

// insertError explains why the kernel refused the module; log has the kernel's
// messages from the attempt.
func (h *Host) insertError(name string, err error, log []string) error {
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		return h.permissionError(fmt.Errorf("load of %s: %w", name, err))
	}
	reason := insertReason{class: fault.Verdict, text: "the kernel refuses the module"}
	for _, r := range insertReasons {
		if errors.Is(err, r.errno) {
			reason = r
		}
	}
	err = fmt.Errorf("load of %s: %s: %w", name, reason.text, err)
	e := &fault.Error{Class: reason.class, Code: diag.LoadRefused, Err: err}
	for _, line := range log {
		e.Hint("kernel log: %s", line)
	}
	if reason.hint != "" {
		e.Hint("%s", reason.hint)
	}
	return e
}

func (h *Host) disableError(name string, err error) error {
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		return h.permissionError(fmt.Errorf("disable of %s: %w", name, err))
	}
	return fault.Environmentf("disable of %s: %w", name, err)
}

func (h *Host) removeError(name string, err error) error {
	if errors.Is(err, unix.EPERM) {
		return h.permissionError(fmt.Errorf("unload of %s: %w", name, err))
	}
	e := fault.Environmentf("unload of %s: %w", name, err)
	if errors.Is(err, unix.EBUSY) {
		e.Hint("a module without an exit function can never be unloaded")
	}
	return e
}

// permissionError adds a hint that names the restriction by which the kernel denied
// the call.
func (h *Host) permissionError(err error) error {
	e := fault.Environmentf("%w", err)
	if os.Geteuid() != 0 {
		return e.Hint("loading modules needs root (CAP_SYS_MODULE)")
	}
	if disabled, _ := readValue(h.path("proc/sys/kernel/modules_disabled")); disabled == "1" {
		return e.Hint("kernel.modules_disabled is set: no module can be loaded or unloaded until the next boot")
	}
	lockdown, _ := readValue(h.path("sys/kernel/security/lockdown"))
	if lockdown != "" && !strings.Contains(lockdown, "[none]") {
		return e.Hint("the kernel is locked down (%s): it loads signed modules only", lockdown)
	}
	return e.Hint("the process has no CAP_SYS_MODULE: is this a container?")
}
