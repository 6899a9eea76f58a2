package kimage

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kintsugi/internal/fault"
)

func TestBytes(t *testing.T) {
	im := mustParse(t, testKernel(formats[0], testSymbols(true)))
	tests := []struct {
		name       string
		addr, size uint64
		want       []byte // nil: ErrUnmapped
	}{
		{"per-CPU", 0xfe, 2, []byte{0xcc, 0xcc}},
		{"per-CPU end", 0xfe, 3, nil},
		{"text", textAddr + 4, 3, []byte{4, 5, 6}},
		{"nothing", textAddr, 0, []byte{}},
		{"below", textAddr - 1, 2, nil},
		{"file and BSS", bssAddr + 0xfff, 3, []byte{0xbb, 0, 0}},
		{"BSS", bssAddr + 0x1000, 2, []byte{0, 0}},
		{"past BSS", bssAddr + bssSize - 1, 2, nil},
		{"all", textAddr, ^uint64(0), nil},
		{"wrap", ^uint64(0), 2, nil},
	}
	for _, tt := range tests {
		got, err := im.Bytes(tt.addr, tt.size)
		if diff := cmp.Diff(tt.want, got); diff != "" || (err == nil) != (tt.want != nil) {
			t.Errorf("%s: error %v: %s", tt.name, err, diff)
		}
		if err != nil && (!errors.Is(err, ErrUnmapped) || fault.ClassOf(err) != fault.Input) {
			t.Errorf("%s: error %v", tt.name, err)
		}
	}
}

func TestParseRefusesBadELF(t *testing.T) {
	good := testKernel(formats[0], testSymbols(true))
	page := segment{addr: textAddr, size: 16, data: make([]byte, 16)}
	changed := func(off int, to byte) []byte {
		file := bytes.Clone(good)
		file[off] = to
		return file
	}
	tests := map[string][]byte{
		"empty":     nil,
		"magic":     changed(1, 'x'),
		"32 bit":    changed(4, 1),
		"phoff":     changed(32+7, 0xff),
		"phnum":     changed(57, 0xff),
		"offset":    changed(64+8+7, 0xff),
		"memsz":     changed(64+40+7, 0x7f),
		"filesz":    testELF([]segment{{addr: textAddr, size: 8, data: make([]byte, 16)}}),
		"shared":    sharedBytes(),
		"wrap":      testELF([]segment{{addr: ^uint64(0) - 2, size: 16, data: make([]byte, 16)}}),
		"overlap":   testELF([]segment{page, page}),
		"truncated": good[:len(good)-1],
		"none":      testELF(nil),
		"no tables": testELF([]segment{page}),
	}
	for name, file := range tests {
		if _, err := Parse(file); err == nil || fault.ClassOf(err) != fault.Input {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// sharedBytes is a vmlinux of many segments with the same bytes.
func sharedBytes() []byte {
	var segments []segment
	for i := range 100 {
		segments = append(segments, segment{addr: uint64(i) << 32, size: 1 << 20})
	}
	segments[0].data = make([]byte, 1<<20)
	file := testELF(segments)
	for i := range 100 {
		copy(file[64+56*i+8:], file[64+8:64+16])
		copy(file[64+56*i+32:], file[64+32:64+40])
	}
	return file
}

func TestOpenFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vmlinux")
	if err := os.WriteFile(path, testKernel(formats[3], testSymbols(true)), 0o600); err != nil {
		t.Fatal(err)
	}
	im, err := OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := im.Bytes(textAddr+1, 2); err != nil || !bytes.Equal(got, []byte{1, 2}) {
		t.Errorf("bytes % x, error %v", got, err)
	}
	for range 2 {
		if err := im.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	if _, err := im.Bytes(textAddr+1, 2); !errors.Is(err, ErrUnmapped) {
		t.Errorf("bytes after close: error %v", err)
	}
	if diff := cmp.Diff(testSymbols(true), im.Symbols); diff != "" || im.Release() != "6.1.0-test" {
		t.Errorf("symbols after close: %s", diff)
	}
}

func TestOpenFileRefuses(t *testing.T) {
	dir := t.TempDir()
	for name, data := range map[string]string{"empty": "", "text": "not a kernel"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"missing", "empty", "text", "."} {
		if _, err := OpenFile(filepath.Join(dir, name)); fault.ClassOf(err) != fault.Input {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
