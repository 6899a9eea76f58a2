package livepatch

import (
	"os"
	"strings"
)

// derivePatched sets Patched for kernels before 6.1, which have no file "patched".
// While the livepatch is enabled, vmlinux is patched (__klp_enable_patch), and each
// loaded module, since the kernel refuses a module that it cannot patch
// (klp_module_coming, both kernel/livepatch/core.c). If ftrace lists the redirected
// functions, every function of the object must be in that list.
func (h *Host) derivePatched(p *Patch) {
	redirected, listed := h.redirected()
	for i := range p.Objects {
		o := &p.Objects[i]
		if o.Patched != nil {
			continue
		}
		patched := p.State == Enabled || p.State == Enabling
		if o.Name != vmlinux {
			patched = patched && h.moduleLive(o.Name)
		}
		for _, f := range o.Functions {
			patched = patched && (!listed || redirected[[2]string{owner(o.Name), f.Name}])
		}
		o.Patched, o.Derived = &patched, true
	}
}

// vmlinux is the name of the object that is the kernel itself.
const vmlinux = "vmlinux"

// owner is the module of an object in ftrace's lists, empty for the kernel itself.
func owner(object string) string {
	if object == vmlinux {
		return ""
	}
	return object
}

// moduleLive reports whether the module is loaded and has run its init
// function. A line of /proc/modules is name, size, references, users, state
// and address.
func (h *Host) moduleLive(name string) bool {
	text, err := os.ReadFile(h.path("proc/modules"))
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) >= 5 && fields[0] == name {
			return fields[4] == "Live"
		}
	}
	return false
}

// redirected returns the functions, as module and name, whose calls ftrace passes
// to a handler that changes the instruction pointer: flag I in enabled_functions
// (Documentation/trace/ftrace.rst). listed is false if the list cannot be read.
func (h *Host) redirected() (functions map[[2]string]bool, listed bool) {
	for _, dir := range []string{"sys/kernel/tracing", "sys/kernel/debug/tracing"} {
		if text, err := os.ReadFile(h.path(dir, "enabled_functions")); err == nil {
			return parseEnabledFunctions(string(text)), true
		}
	}
	return nil, false
}

// parseEnabledFunctions reads lines such as
// "show_stats [minix] (1) R I    tramp: ftrace_regs_caller+0x0/0x65 (klp_ftrace_handler+0x0/0x220)".
func parseEnabledFunctions(text string) map[[2]string]bool {
	functions := map[[2]string]bool{}
	for line := range strings.Lines(text) {
		name, rest, ok := strings.Cut(line, " (")
		_, flags, counted := strings.Cut(rest, ")")
		if !ok || !counted {
			continue
		}
		flags, _, _ = strings.Cut(flags, "\t")
		flags, _, _ = strings.Cut(flags, "tramp:")
		name, module, _ := strings.Cut(strings.TrimSpace(name), " [")
		for _, flag := range strings.Fields(flags) {
			if flag == "I" {
				functions[[2]string{strings.TrimSuffix(module, "]"), name}] = true
			}
		}
	}
	return functions
}
