package kofile

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kintsugi/internal/fault"
)

// module is an object that holds .modinfo and nothing else.
func module(info string) []byte {
	const names = "\x00.modinfo\x00.shstrtab\x00"
	header := elf.Header64{
		Type: uint16(elf.ET_REL), Machine: uint16(elf.EM_X86_64), Version: 1,
		Shoff: 64, Ehsize: 64, Shentsize: 64, Shnum: 3, Shstrndx: 2,
	}
	copy(header.Ident[:], "\x7fELF\x02\x01\x01")
	at := uint64(64 + 3*64)
	sections := []elf.Section64{
		{},
		{Name: 1, Type: uint32(elf.SHT_PROGBITS), Off: at, Size: uint64(len(info)), Addralign: 1},
		{Name: 10, Type: uint32(elf.SHT_STRTAB), Off: at + uint64(len(info)), Size: uint64(len(names)), Addralign: 1},
	}
	var b bytes.Buffer
	binary.Write(&b, binary.LittleEndian, header) // into memory: cannot fail
	binary.Write(&b, binary.LittleEndian, sections)
	b.WriteString(info + names)
	return b.Bytes()
}

// modules is a folder of modules, .modinfo by file name.
func modules(t *testing.T, infos map[string]string) *Dir {
	t.Helper()
	dir := t.TempDir()
	for name, info := range infos {
		if err := os.WriteFile(filepath.Join(dir, name+".ko"), module(info), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return Open(dir)
}

func TestLoadOrder(t *testing.T) {
	dir := modules(t, map[string]string{
		"ext4":           "depends=mbcache,jbd2\x00softdep=pre: crc32c post: late none\x00",
		"jbd2":           "depends=\x00softdep=pre: crc32c\x00",
		"xfs":            "softdep=pre: crypto-crc32c\x00depends=\x00",
		"mbcache":        "depends=",
		"late":           "depends=mbcache",
		"crc32c_generic": "alias=crypto-crc32c\x00alias=crc32c\x00depends=\x00",
		"crc32c-intel":   "alias=crc32c\x00depends=\x00",
		"crc32c_other":   "alias=crc32\x00depends=\x00",
		"a":              "depends=b",
		"b":              "softdep=pre: a",
		"broken":         "depends=nothing",
		"hopeful":        "softdep=pre: broken",
	})
	tests := []struct {
		names, want []string
		missing     bool
	}{
		{names: []string{"mbcache"}, want: []string{"mbcache"}},
		{names: []string{"ext4"}, want: []string{"crc32c_generic", "crc32c_intel", "mbcache", "jbd2", "ext4", "late"}},
		{names: []string{"crc32c-intel", "mbcache", "mbcache"}, want: []string{"crc32c_intel", "mbcache"}},
		{names: []string{"xfs"}, want: []string{"crc32c_generic", "xfs"}},
		{names: []string{"a"}, want: []string{"b", "a"}},
		{names: []string{"hopeful"}, want: []string{"hopeful"}},
		{names: []string{"broken"}, missing: true},
		{names: []string{"none"}, missing: true},
		{},
	}
	for _, test := range tests {
		got, err := dir.LoadOrder(test.names...)
		if errors.Is(err, fs.ErrNotExist) != test.missing || err != nil && !test.missing {
			t.Errorf("%v: %v", test.names, err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%v (-want +got):\n%s", test.names, diff)
		}
	}
}

func TestReadDependenciesRefuses(t *testing.T) {
	whole := module("depends=a")
	for name, ko := range map[string][]byte{"text": []byte("depends=a"), "cut": whole[:100], "empty": nil} {
		if _, err := ReadDependencies(ko); fault.ClassOf(err) != fault.Input {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got, err := ReadDependencies(whole); err != nil || len(got.Needs) != 1 {
		t.Errorf("whole: %+v, %v", got, err)
	}
}

func FuzzReadDependencies(f *testing.F) {
	f.Add(module("depends=a,b\x00softdep=pre: c post: d\x00alias=e\x00"))
	f.Fuzz(func(_ *testing.T, ko []byte) { _, _ = ReadDependencies(ko) })
}
