package livepatch

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// tree makes a folder with the files, by path.
func tree(t *testing.T, files map[string]string) *Host {
	t.Helper()
	root := t.TempDir()
	mkdir(t, filepath.Join(root, "sys/kernel/livepatch"))
	for name, text := range files {
		put(t, filepath.Join(root, name), text)
	}
	return &Host{Root: root, Wait: 5 * time.Second, poll: time.Millisecond}
}

func mkdir(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Error(err)
	}
}

// put replaces the file in one step, as sysfs does: a reader never sees half of it.
func put(t *testing.T, name, text string) {
	t.Helper()
	mkdir(t, filepath.Dir(name))
	if err := os.WriteFile(name+".new", []byte(text), 0o644); err != nil {
		t.Error(err)
	}
	if err := os.Rename(name+".new", name); err != nil {
		t.Error(err)
	}
}

// appear makes the sysfs folder of a patch, at once.
func appear(t *testing.T, h *Host, name, enabled, transition string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	put(t, filepath.Join(dir, "enabled"), enabled+"\n")
	put(t, filepath.Join(dir, "transition"), transition+"\n")
	put(t, filepath.Join(dir, "vmlinux/patched"), "1\n")
	mkdir(t, filepath.Join(dir, "vmlinux/cmdline_proc_show,0"))
	if err := os.Rename(dir, h.path("sys/kernel/livepatch", name)); err != nil {
		t.Error(err)
	}
}

// vanish takes it away, at once.
func vanish(t *testing.T, h *Host, name string) {
	t.Helper()
	if err := os.Rename(h.path("sys/kernel/livepatch", name), filepath.Join(t.TempDir(), name)); err != nil {
		t.Error(err)
	}
}

// sample is the .modinfo of a livepatch.
const sample = "livepatch=Y\x00license=GPL\x00name=sample\x00vermagic=6.1.0 SMP \x00"

// moduleFile writes a relocatable object that holds .modinfo and nothing else.
func moduleFile(t testing.TB, modinfo string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "module.ko")
	if err := os.WriteFile(name, moduleBytes(modinfo), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

func moduleBytes(modinfo string) []byte {
	return objectBytes(section{".modinfo", modinfo})
}

type section struct{ name, data string }

// objectBytes writes a relocatable object of these sections.
func objectBytes(list ...section) []byte {
	names := "\x00.shstrtab\x00"
	headers := []elf.Section64{{}}
	at := uint64(64 + (2+len(list))*64)
	var body bytes.Buffer
	for _, s := range list {
		headers = append(headers, elf.Section64{Name: uint32(len(names)), Type: uint32(elf.SHT_PROGBITS),
			Off: at + uint64(body.Len()), Size: uint64(len(s.data)), Addralign: 1})
		names += s.name + "\x00"
		body.WriteString(s.data)
	}
	headers = append(headers, elf.Section64{Name: 1, Type: uint32(elf.SHT_STRTAB),
		Off: at + uint64(body.Len()), Size: uint64(len(names)), Addralign: 1})
	header := elf.Header64{
		Type: uint16(elf.ET_REL), Machine: uint16(elf.EM_X86_64), Version: 1,
		Shoff: 64, Ehsize: 64, Shentsize: 64, Shnum: uint16(len(headers)), Shstrndx: uint16(len(headers) - 1),
	}
	copy(header.Ident[:], "\x7fELF\x02\x01\x01")
	var b bytes.Buffer
	binary.Write(&b, binary.LittleEndian, header) // into memory: cannot fail
	binary.Write(&b, binary.LittleEndian, headers)
	body.WriteTo(&b)
	b.WriteString(names)
	return b.Bytes()
}
