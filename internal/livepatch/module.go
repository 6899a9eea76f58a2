package livepatch

import (
	"bytes"
	"debug/elf"
	"io"
	"strings"

	"kintsugi/internal/fault"
)

// Module has the values of .modinfo of a module file.
type Module struct {
	Name      string `json:"name"`
	Vermagic  string `json:"vermagic"`
	Livepatch bool   `json:"livepatch"` // MODULE_INFO(livepatch, "Y")
}

// maxModinfo limits the size of the section. Real sections are below a kilobyte,
// the largest of a distribution's kernel has about 30 kB.
const maxModinfo = 1 << 20

// ReadModule reads the header of a module file.
func ReadModule(r io.ReaderAt) (*Module, error) {
	file, err := elf.NewFile(r)
	if err != nil {
		return nil, fault.Inputf("not a kernel module: %w", err).
			Hint("unpack a compressed module (.ko.xz, .ko.zst) first")
	}
	section := file.Section(".modinfo")
	if file.Type != elf.ET_REL || section == nil {
		return nil, fault.Inputf("not a kernel module: no .modinfo section in a relocatable object")
	}
	if section.Type == elf.SHT_NOBITS || section.Flags&elf.SHF_COMPRESSED != 0 || section.Size > maxModinfo {
		return nil, fault.Inputf("not a kernel module: .modinfo is no plain section")
	}
	info, err := section.Data()
	if err != nil {
		return nil, fault.Inputf(".modinfo: %w", err)
	}
	return parseModinfo(info)
}

// parseModinfo reads NUL-terminated key=value strings. The first value of a key is
// used, as in the kernel's get_modinfo (kernel/module/main.c).
func parseModinfo(info []byte) (*Module, error) {
	values := map[string]string{}
	for _, entry := range bytes.Split(info, []byte{0}) {
		key, value, ok := strings.Cut(string(entry), "=")
		if _, seen := values[key]; ok && !seen {
			values[key] = value
		}
	}
	name, err := moduleName(values["name"])
	if err != nil {
		return nil, fault.Inputf("module without a name in .modinfo: %w", err)
	}
	return &Module{Name: name, Vermagic: values["vermagic"], Livepatch: strings.HasPrefix(values["livepatch"], "Y")}, nil
}
