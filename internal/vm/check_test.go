package vm

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"kintsugi/internal/fault"
)

// tinyModule writes an object that holds .modinfo and nothing else.
func tinyModule(t *testing.T) string {
	t.Helper()
	const info, names = "livepatch=Y\x00name=tiny\x00", "\x00.modinfo\x00.shstrtab\x00"
	header := elf.Header64{
		Type: uint16(elf.ET_REL), Machine: uint16(elf.EM_X86_64), Version: 1,
		Shoff: 64, Ehsize: 64, Shentsize: 64, Shnum: 3, Shstrndx: 2,
	}
	copy(header.Ident[:], "\x7fELF\x02\x01\x01")
	sections := []elf.Section64{
		{},
		{Name: 1, Type: uint32(elf.SHT_PROGBITS), Off: 256, Size: uint64(len(info)), Addralign: 1},
		{Name: 10, Type: uint32(elf.SHT_STRTAB), Off: 256 + uint64(len(info)), Size: uint64(len(names)), Addralign: 1},
	}
	var b bytes.Buffer
	binary.Write(&b, binary.LittleEndian, header) // into memory: cannot fail
	binary.Write(&b, binary.LittleEndian, sections)
	b.WriteString(info + names)
	return write(t, filepath.Join(t.TempDir(), "tiny.ko"), b.String())
}

// staticProgram returns a copy of the ELF header of any program without
// program headers, so that it asks for no interpreter.
func staticProgram(t *testing.T, program string) string {
	t.Helper()
	text, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	header := bytes.Clone(text[:64])
	binary.LittleEndian.PutUint16(header[56:], 0) // e_phnum
	binary.LittleEndian.PutUint64(header[40:], 0) // e_shoff
	binary.LittleEndian.PutUint16(header[60:], 0) // e_shnum
	binary.LittleEndian.PutUint16(header[62:], 0) // e_shstrndx
	return write(t, filepath.Join(t.TempDir(), "static"), string(header))
}

func TestRefusals(t *testing.T) {
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	if static, err := isStatic(shell); err != nil || static {
		t.Skipf("%s is not a dynamically linked program", shell)
	}
	probe := write(t, filepath.Join(t.TempDir(), "probe"), "true\n")
	tests := []struct {
		name  string
		spoil func(*Config)
		class fault.Class
		text  string
		hint  string
	}{
		{"no image", func(c *Config) { c.Image = "/none" }, fault.Input, "kernel image", ""},
		{"not an image", func(c *Config) { c.Image = c.Module }, fault.Input, "not a bootable kernel image for x86_64",
			"vmlinuz"},
		{"no module", func(c *Config) { c.Module = "/none" }, fault.Input, "module", ""},
		{"not a module", func(c *Config) { c.Module = c.Image }, fault.Input, "not a kernel module", ""},
		{"no probe", func(c *Config) { c.Probe = "/none" }, fault.Input, "/none", ""},
		{"probe is a folder", func(c *Config) { c.Probe = "/" }, fault.Input, "not a file", ""},
		{"no qemu", func(c *Config) { c.QEMU = "qemu-none" }, fault.Environment, "not installed", "qemu-system-x86"},
		{"dynamic init", func(c *Config) { c.Init = shell }, fault.Environment, "dynamically linked", "CGO_ENABLED=0"},
		{"no init", func(c *Config) { c.Init = "/none" }, fault.Environment, "init", ""},
		{"dynamic busybox", func(c *Config) { c.Probe, c.Busybox = probe, shell }, fault.Environment, "dynamically linked",
			"busybox-static"},
		{"no busybox", func(c *Config) { c.Probe, c.Busybox = probe, "/none" }, fault.Environment, "not installed",
			"busybox-static"},
		{"relative guest path", func(c *Config) { c.Files = map[string]string{"x": probe} }, fault.Input, "absolute", ""},
		{"guest path that climbs", func(c *Config) { c.Files = map[string]string{"/a/../x": probe} }, fault.Input,
			"absolute", ""},
		{"guest path of ours", func(c *Config) { c.Files = map[string]string{"/init": probe} }, fault.Input,
			"is a file of kintsugi", ""},
		{"missing file", func(c *Config) { c.Files = map[string]string{"/x": "/none"} }, fault.Input, "/none", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cfg := fakeConfig(t, `echo ran >$0.ran`)
			test.spoil(&cfg)
			_, err := Run(t.Context(), cfg)
			if err == nil {
				t.Fatal("no error")
			}
			hints := strings.Join(fault.Hints(err), "\n")
			if fault.ClassOf(err) != test.class || !strings.Contains(err.Error(), test.text) ||
				!strings.Contains(hints, test.hint) {
				t.Errorf("class %d, %v, hints %q", fault.ClassOf(err), err, hints)
			}
			if _, err := os.Stat(cfg.QEMU + ".ran"); err == nil {
				t.Error("the VM was started all the same")
			}
		})
	}
}
