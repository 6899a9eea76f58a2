package vm

import (
	"debug/elf"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"strings"

	"kintsugi/internal/fault"
	"kintsugi/internal/livepatch"
)

// check finds out before anything runs whether the files are what they
// should be and the tools are there.
func (cfg *Config) check() error {
	for _, step := range []func() error{cfg.checkImage, cfg.checkModule, cfg.checkFiles, cfg.checkTools} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// checkImage looks for the magic of the x86 boot protocol
// (Documentation/x86/boot.rst): QEMU would boot anything else into nowhere.
func (cfg *Config) checkImage() error {
	file, err := os.Open(cfg.Image)
	if err != nil {
		return fault.Inputf("kernel image: %w", err)
	}
	defer file.Close()
	magic := make([]byte, 4)
	if _, err := file.ReadAt(magic, 0x202); err != nil || string(magic) != "HdrS" {
		return fault.Inputf("%s is not an x86 kernel image (bzImage)", cfg.Image).
			Hint("give the vmlinuz that the distribution ships, not the unpacked vmlinux")
	}
	return nil
}

func (cfg *Config) checkModule() error {
	file, err := os.Open(cfg.Module)
	if err != nil {
		return fault.Inputf("module: %w", err)
	}
	defer file.Close()
	if _, err := livepatch.ReadModule(file); err != nil {
		return fault.Inputf("%s: %w", cfg.Module, err)
	}
	return nil
}

func (cfg *Config) checkFiles() error {
	for guest, host := range cfg.Files {
		if !path.IsAbs(guest) || path.Clean(guest) != guest || guest == "/" || strings.ContainsRune(guest, 0) {
			return fault.Inputf("%q is not an absolute path of the guest", guest)
		}
		if guest == "/init" || strings.HasPrefix(guest, ownDir+"/") || guest == ownDir {
			return fault.Inputf("%s in the guest is kintsugi's own", guest)
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

func (cfg *Config) checkTools() error {
	if _, err := exec.LookPath(cfg.QEMU); err != nil {
		return fault.Environmentf("%s is not installed", cfg.QEMU).Hint("apt install qemu-system-x86")
	}
	static, err := isStatic(cfg.Init)
	if err != nil {
		return fault.Environmentf("init of the VM: %w", err)
	}
	if !static {
		return fault.Environmentf("%s is dynamically linked and so cannot be init of the VM", cfg.Init).
			Hint("build kintsugi with CGO_ENABLED=0, as `make` does")
	}
	if cfg.Probe == "" {
		return nil // only the probe needs a shell
	}
	static, err = isStatic(cfg.Busybox)
	if errors.Is(err, fs.ErrNotExist) {
		return fault.Environmentf("%s is not installed", cfg.Busybox).Hint("apt install busybox-static")
	}
	if err != nil {
		return fault.Environmentf("busybox: %w", err)
	}
	if !static {
		return fault.Environmentf("%s is dynamically linked and so cannot run in the VM", cfg.Busybox).
			Hint("apt install busybox-static, which takes the place of busybox")
	}
	return nil
}

// isStatic says whether the program runs without an interpreter (ld.so).
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
