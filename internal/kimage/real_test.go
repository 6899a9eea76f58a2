package kimage

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kintsugi/internal/testenv"
)

type realImage struct {
	path string
	file []byte
}

// realImages returns the images to test with: that of the test target, else
// those in /boot. Without any the test is skipped.
func realImages(t testing.TB) []realImage {
	t.Helper()
	paths, _ := filepath.Glob("/boot/vmlinuz-*")
	if len(paths) == 0 || testenv.Find(t) != nil {
		paths = []string{testenv.Kernel(t).Image}
	}
	var images []realImage
	for _, path := range paths {
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		images = append(images, realImage{path, file})
	}
	return images
}

func TestRealImage(t *testing.T) {
	for _, shipped := range realImages(t) {
		t.Run(filepath.Base(shipped.path), func(t *testing.T) {
			im, err := Open(shipped.file)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d symbols; %s", len(im.Symbols), im.Banner)
			checkBanner(t, im, shipped.file)
			checkExports(t, im)
			checkFentrySites(t, im)
			checkLookup(t, im)
		})
	}
}

// checkBanner compares with the setup header, which repeats the release and
// the build outside the payload (kernel_version,
// Documentation/arch/x86/boot.rst).
func checkBanner(t *testing.T, im *Image, file []byte) {
	version := file[0x200+int(le.Uint16(file[0x20e:])):]
	want, _, _ := strings.Cut(string(version[:min(len(version), 256)]), "\x00")
	release, _, _ := strings.Cut(want, " ")
	if im.Release() != release {
		t.Errorf("release %q, setup header has %q", im.Release(), want)
	}
	banner, err := im.Bytes(im.Symbols[im.Lookup("linux_banner")[0]].Addr, uint64(len(im.Banner)))
	if err != nil || string(banner) != im.Banner {
		t.Errorf("linux_banner: %q, error %v", banner, err)
	}
}

// checkExports compares the names and addresses of all exported symbols with
// the kernel's own tables of them: struct kernel_symbol has the two as offsets
// from where they are (kernel/module/internal.h).
func checkExports(t *testing.T, im *Image) {
	exports := 0
	for _, table := range []string{"__ksymtab", "__ksymtab_gpl"} {
		start := im.only(t, "__start_"+table)
		data := im.bytes(t, start, im.only(t, "__stop_"+table)-start)
		for off := 0; off+12 <= len(data); off += 12 {
			at := start + uint64(off)
			addr := at + signExtend(le.Uint32(data[off:]))
			name := im.cString(t, at+4+signExtend(le.Uint32(data[off+4:])))
			if !slices.ContainsFunc(im.Lookup(name), func(i int) bool { return im.Symbols[i].Addr == addr }) {
				t.Errorf("export %s at %#x is not in kallsyms", name, addr)
			}
			exports++
		}
	}
	if exports < 1000 {
		t.Errorf("%d exports", exports)
	}
}

// checkFentrySites takes the places where ftrace patches functions, which the
// kernel lists in __mcount_loc: each has a call of __fentry__ or the NOP of
// its size, at the start of a function but for an ENDBR. Overridden weak
// functions have a site too but no symbol; newer kernels zero those sites
// (scripts/sorttable.c).
func checkFentrySites(t *testing.T, im *Image) {
	start, fentry := im.only(t, "__start_mcount_loc"), im.only(t, "__fentry__")
	sites := im.bytes(t, start, im.only(t, "__stop_mcount_loc")-start)
	named, weak := 0, 0
	for off := 0; off+8 <= len(sites); off += 8 {
		site := le.Uint64(sites[off:])
		if site == 0 {
			continue
		}
		code := im.bytes(t, site, 5)
		call := code[0] == 0xe8 && site+5+signExtend(le.Uint32(code[1:])) == fentry
		if !call && !bytes.Equal(code, []byte{0x0f, 0x1f, 0x44, 0x00, 0x00}) {
			t.Errorf("fentry site %#x: % x", site, code)
		}
		if len(im.At(site)) > 0 || len(im.At(site-4)) > 0 {
			named++
		} else {
			weak++
		}
	}
	t.Logf("%d fentry sites at symbols, %d at overridden functions", named, weak)
	if named < 1000 || weak > named/30 {
		t.Error("too many sites are not at a symbol")
	}
}

// checkLookup finds every symbol by its name and by its address.
func checkLookup(t *testing.T, im *Image) {
	for i, s := range im.Symbols {
		if !slices.Contains(im.Lookup(s.Name), i) || !slices.Contains(im.At(s.Addr), i) {
			t.Fatalf("symbol %d, %s at %#x, is not found", i, s.Name, s.Addr)
		}
	}
	if n := len(im.Lookup("user_read")); n > 0 && n != 2 {
		t.Errorf("user_read: %d symbols, want the keyring's and SELinux's", n)
	}
}

func (im *Image) only(t *testing.T, name string) uint64 {
	t.Helper()
	found := im.Lookup(name)
	if len(found) != 1 {
		t.Fatalf("%s: %d symbols", name, len(found))
	}
	return im.Symbols[found[0]].Addr
}

func (im *Image) bytes(t *testing.T, addr, size uint64) []byte {
	t.Helper()
	data, err := im.Bytes(addr, size)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func (im *Image) cString(t *testing.T, addr uint64) string {
	t.Helper()
	s, _, _ := strings.Cut(string(im.bytes(t, addr, 128)), "\x00")
	return s
}
