package klp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"kintsugi/internal/elfobj"
	"kintsugi/internal/fault"
	"kintsugi/internal/kimage"
)

const (
	thisModuleSection = ".gnu.linkonce.this_module"
	modinfoSection    = ".modinfo"
)

// maxName limits the strings that are read from a module: no name in a kernel is
// longer (KSYM_NAME_LEN, include/linux/kallsyms.h).
const maxName = 512

// modinfo is the contents of .modinfo: strings "tag=value", any number of a
// tag (get_next_modinfo, kernel/module/main.c).
type modinfo []string

func readModinfo(f *elfobj.File) modinfo {
	s := f.Section(modinfoSection)
	if s == nil {
		return nil
	}
	return parseModinfo(s.Data)
}

func parseModinfo(data []byte) modinfo {
	return strings.FieldsFunc(string(data), func(r rune) bool { return r == 0 })
}

// all returns the values of a tag in their order.
func (m modinfo) all(tag string) []string {
	values := []string{}
	for _, line := range m {
		if t, value, ok := strings.Cut(line, "="); ok && t == tag {
			values = append(values, value)
		}
	}
	return values
}

// get returns the first value of a tag, as the kernel does.
func (m modinfo) get(tag string) (value string, ok bool) {
	if values := m.all(tag); len(values) > 0 {
		return values[0], true
	}
	return "", false
}

// depends returns the modules that must be loaded before this one.
func (m modinfo) depends() []string {
	value, _ := m.get("depends")
	return strings.FieldsFunc(value, func(r rune) bool { return r == ',' })
}

// versionSize is the size of struct modversion_info (include/linux/module.h):
// an unsigned long with the CRC and the name, 64 bytes together.
const versionSize = 64

// readVersions returns the CRC of each imported symbol. ok is false if the module
// has no list of versions.
func readVersions(f *elfobj.File) (crcs map[string]uint32, ok bool) {
	crcs = map[string]uint32{}
	if s := f.Section("__versions"); s != nil {
		ok = true
		for b := s.Data; len(b) >= versionSize; b = b[versionSize:] {
			name, _, _ := bytes.Cut(b[8:versionSize], []byte{0})
			addVersion(crcs, string(name), uint32(f.ByteOrder.Uint64(b)))
		}
	}
	numbers, names := f.Section("__version_ext_crcs"), f.Section("__version_ext_names")
	if numbers == nil || names == nil {
		return crcs, ok
	}
	// Linux 6.14 and later, with CONFIG_EXTENDED_MODVERSIONS: names of any length.
	list := names.Data
	for b := numbers.Data; len(b) >= 4 && len(list) > 0; b = b[4:] {
		var name []byte
		name, list, _ = bytes.Cut(list, []byte{0})
		addVersion(crcs, string(name), f.ByteOrder.Uint32(b))
	}
	return crcs, true
}

// addVersion keeps the first of several, as the kernel's search does.
func addVersion(crcs map[string]uint32, name string, crc uint32) {
	if _, ok := crcs[name]; !ok {
		crcs[name] = crc
	}
}

// sigMagic ends a file with a signature (include/linux/module_signature.h).
const sigMagic = "~Module signature appended~\n"

// signature reports whether a signature is appended to ko. It returns an error for
// a trailer that the kernel would refuse: struct module_signature and
// mod_check_sig, kernel/module_signature.c.
func signature(ko []byte) (signed bool, err error) {
	body, ok := bytes.CutSuffix(ko, []byte(sigMagic))
	if !ok {
		return false, nil
	}
	if len(body) < 12 {
		return false, errors.New("signature without its description")
	}
	description := body[len(body)-12:]
	const pkcs7 = 2
	size := binary.BigEndian.Uint32(description[8:])
	if description[2] != pkcs7 || !bytes.Equal(description[:2], []byte{0, 0}) ||
		!bytes.Equal(description[3:8], make([]byte, 5)) {
		return false, errors.New("signature is not in PKCS#7 form")
	}
	if uint64(size) >= uint64(len(body)-12) {
		return false, fmt.Errorf("signature of %d bytes in a file of %d", size, len(ko))
	}
	return true, nil
}

// Vermagic is the version magic that im requires of modules, such as
// "6.1.0-56-amd64 SMP preempt mod_unload modversions " (vermagic,
// kernel/module/main.c).
func Vermagic(im *kimage.Image) (string, error) {
	for _, i := range im.Lookup("vermagic") {
		text, ok := stringAt(im, im.Symbols[i].Addr)
		if ok && strings.HasPrefix(text, im.Release()+" ") {
			return text, nil
		}
	}
	return "", fault.Inputf("kernel image: no version magic").
		Hint("does this kernel load modules (CONFIG_MODULES)?")
}

// stringAt reads a string that ends with a null byte.
func stringAt(im *kimage.Image, addr uint64) (string, bool) {
	for size := uint64(1); size <= maxName; size++ {
		b, err := im.Bytes(addr, size)
		if err != nil {
			return "", false
		}
		if b[size-1] == 0 {
			return string(b[:size-1]), true
		}
	}
	return "", false
}
