package vm

import (
	"debug/elf"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"strings"

	"kintsugi/internal/arch"
	"kintsugi/internal/fault"
	"kintsugi/internal/livepatch"
)

// machine returns the architecture of the livepatch modules. It checks the header
// of each.
func (cfg *Config) machine() (*arch.Arch, error) {
	var first *arch.Arch
	for _, path := range append([]string{cfg.Module}, cfg.Newer...) {
		machine, err := machineOf(path)
		if err != nil {
			return nil, err
		}
		if first == nil {
			first = machine
		}
		if machine != first {
			return nil, fault.Inputf("%s is for %s, %s for %s", path, machine.Name, cfg.Module, first.Name)
		}
	}
	if first.QEMU.Program == "" {
		return nil, fault.Environmentf("modules for %s cannot be tested yet", first.Name)
	}
	return first, nil
}

func machineOf(path string) (*arch.Arch, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fault.Inputf("module: %w", err)
	}
	defer file.Close()
	if _, err := livepatch.ReadModule(file); err != nil {
		return nil, fault.Inputf("%s: %w", path, err)
	}
	object, err := elf.NewFile(file)
	if err != nil {
		return nil, fault.Inputf("%s: %w", path, err)
	}
	machine, err := arch.ByMachine(object.Machine)
	if err != nil {
		return nil, fault.Inputf("%s: %w", path, err)
	}
	return machine, nil
}

// check checks the files and the tools before anything runs.
func (cfg *Config) check(machine *arch.Arch) error {
	if err := cfg.checkValues(); err != nil {
		return err
	}
	if err := cfg.checkImage(machine); err != nil {
		return err
	}
	if err := cfg.checkFiles(); err != nil {
		return err
	}
	return cfg.checkTools(machine)
}

// maxCycles and maxMemoryMB are above the needs of any test.
const (
	maxCycles   = 100_000
	maxMemoryMB = 1 << 20
)

func (cfg *Config) checkValues() error {
	switch {
	case cfg.Order != ModulesFirst && cfg.Order != LivepatchFirst:
		return fault.Inputf("order %q is neither %q nor %q", cfg.Order, ModulesFirst, LivepatchFirst)
	case cfg.Cycles < 0 || cfg.Cycles > maxCycles:
		return fault.Inputf("%d cycles: want 0 to %d", cfg.Cycles, maxCycles)
	case cfg.MemoryMB < 0 || cfg.MemoryMB > maxMemoryMB:
		return fault.Inputf("%d MB of memory: want 1 to %d", cfg.MemoryMB, maxMemoryMB)
	}
	return nil
}

// checkImage looks for the magic of the boot protocol. Without it, QEMU would boot
// the file and show nothing.
func (cfg *Config) checkImage(machine *arch.Arch) error {
	file, err := os.Open(cfg.Image)
	if err != nil {
		return fault.Inputf("kernel image: %w", err)
	}
	defer file.Close()
	magic := make([]byte, len(machine.Image.Magic))
	if _, err := file.ReadAt(magic, machine.Image.MagicAt); err != nil || string(magic) != machine.Image.Magic {
		return fault.Inputf("%s is not a bootable kernel image for %s", cfg.Image, machine.Name).
			Hint("use the vmlinuz of the distribution, not the unpacked vmlinux")
	}
	return nil
}

func (cfg *Config) checkFiles() error {
	for guest, host := range cfg.Files {
		if !path.IsAbs(guest) || path.Clean(guest) != guest || guest == "/" || strings.ContainsRune(guest, 0) {
			return fault.Inputf("%q is not an absolute path of the guest", guest)
		}
		if guest == "/init" || strings.HasPrefix(guest, ownDir+"/") || guest == ownDir {
			return fault.Inputf("%s in the guest is a file of kintsugi", guest)
		}
		if err := regular(host); err != nil {
			return err
		}
	}
	if cfg.Probe == "" {
		return nil
	}
	return regular(cfg.Probe)
}

func regular(file string) error {
	info, err := os.Stat(file)
	if err != nil {
		return fault.Inputf("file for the VM: %w", err)
	}
	if !info.Mode().IsRegular() {
		return fault.Inputf("%s is not a file", file)
	}
	return nil
}

// needsShell reports whether the guest runs scripts.
func (cfg *Config) needsShell() bool { return cfg.Probe != "" || cfg.Cycles > 0 }

func (cfg *Config) checkTools(machine *arch.Arch) error {
	if _, err := exec.LookPath(cfg.QEMU); err != nil {
		return fault.Environmentf("%s is not installed", cfg.QEMU).Hint("apt install %s", machine.QEMU.Package)
	}
	static, err := isStatic(cfg.Init)
	if err != nil {
		return fault.Environmentf("init of the VM: %w", err)
	}
	if !static {
		return fault.Environmentf("%s is dynamically linked and so cannot be init of the VM", cfg.Init).
			Hint("build kintsugi with CGO_ENABLED=0, as `make` does")
	}
	if !cfg.needsShell() {
		return nil
	}
	return cfg.checkBusybox()
}

func (cfg *Config) checkBusybox() error {
	static, err := isStatic(cfg.Busybox)
	if errors.Is(err, fs.ErrNotExist) {
		return fault.Environmentf("%s is not installed", cfg.Busybox).Hint("apt install busybox-static")
	}
	if err != nil {
		return fault.Environmentf("busybox: %w", err)
	}
	if !static {
		return fault.Environmentf("%s is dynamically linked and so cannot run in the VM", cfg.Busybox).
			Hint("apt install busybox-static, which replaces busybox")
	}
	return nil
}

// isStatic reports whether the program runs without an interpreter (ld.so).
func isStatic(program string) (bool, error) {
	file, err := elf.Open(program)
	if err != nil {
		return false, err
	}
	defer file.Close()
	for _, p := range file.Progs {
		if p.Type == elf.PT_INTERP {
			return false, nil
		}
	}
	return file.Type == elf.ET_EXEC || file.Type == elf.ET_DYN, nil
}
