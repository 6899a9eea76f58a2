// Package kimage reads a shipped kernel image. It unpacks the bzImage, maps its segments and reads
// the kallsyms tables inside, so that neither debug information nor a System.map is needed.
package kimage

import (
	"bytes"
	"debug/elf"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"kintsugi/internal/fault"
)

// Image is a shipped kernel, or a module (ParseModule). All addresses are virtual
// link-time addresses, before KASLR. Several goroutines may use an Image at once.
type Image struct {
	Machine elf.Machine
	// Banner is the kernel's linux_banner without the final newline:
	// "Linux version 6.1.0-56-amd64 (...) (gcc-12 ...) #1 SMP ...".
	Banner string
	// Symbols are the kallsyms in table order. For the kernel's image, this order is ascending by
	// address; for a module it need not be.
	Symbols []Symbol
	// HasData is true if Symbols has data symbols: the kernel was built with
	// CONFIG_KALLSYMS_ALL.
	HasData bool

	segments []segment
	sections map[string]segment // by name; only for a module
	init     []span
	byName   nameIndex
	byAddr   []int32 // for a module: indices by address; nil: Symbols are in this order
	mapped   []byte  // the whole file, if OpenFile mapped it
}

// Symbol is one entry of the kallsyms tables.
type Symbol struct {
	Name string
	Addr uint64
	// Type is the letter of nm(1): t T d D b B r R w W v V and so on. Per-CPU
	// symbols of kernels with CONFIG_KALLSYMS_ABSOLUTE_PERCPU have A, and as
	// Addr their offset in the per-CPU area (scripts/kallsyms.c).
	Type byte
}

// Open reads a bzImage or a raw vmlinux. If file is a vmlinux, the result refers to
// file, which must not be changed afterwards.
func Open(file []byte) (*Image, error) {
	vmlinux, err := Unpack(file)
	if err != nil {
		return nil, err
	}
	return Parse(vmlinux)
}

// OpenFile reads the raw vmlinux at path, as Unpack returns it. The file is mapped, not held in
// memory, and must not change until Close.
func OpenFile(path string) (*Image, error) {
	data, err := mapFile(path)
	if err != nil {
		return nil, err
	}
	im, err := Parse(data)
	if err != nil {
		_ = unix.Munmap(data) // the first error is returned
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	im.mapped = data
	return im, nil
}

func mapFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, &fault.Error{Class: fault.Input, Err: err}
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, &fault.Error{Class: fault.Environment, Err: err}
	}
	if !info.Mode().IsRegular() || info.Size() == 0 || info.Size() > maxVmlinux {
		return nil, fault.Inputf("%s: not a kernel image", path)
	}
	data, err := unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_PRIVATE)
	if err != nil {
		return nil, fault.Environmentf("%s: mmap: %w", path, err)
	}
	return data, nil
}

// Close unmaps the file that OpenFile mapped. Slices that Bytes returned become invalid. Close does
// nothing for the images of Open and Parse.
func (im *Image) Close() error {
	data := im.mapped
	if data == nil {
		return nil
	}
	im.mapped, im.segments = nil, nil
	return unix.Munmap(data)
}

// Parse reads a raw vmlinux, as Unpack returns it. The result refers to
// vmlinux, which must not be changed afterwards.
func Parse(vmlinux []byte) (*Image, error) {
	machine, segments, err := readSegments(vmlinux)
	if err != nil {
		return nil, fmt.Errorf("vmlinux: %w", err)
	}
	im := &Image{Machine: machine, segments: segments}
	if im.Symbols, err = readKallsyms(segments); err != nil {
		return nil, err
	}
	im.byName = indexNames(im.Symbols)
	im.init = im.initOfKernel()
	im.HasData = hasData(im.Symbols)
	if im.Banner, err = im.readBanner(); err != nil {
		return nil, err
	}
	return im, nil
}

func hasData(symbols []Symbol) bool {
	for i := range symbols {
		if strings.IndexByte("dDbB", symbols[i].Type) >= 0 {
			return true
		}
	}
	return false
}

// Release is the kernel's release, as uname -r prints it.
func (im *Image) Release() string {
	fields := strings.Fields(im.Banner)
	if len(fields) < 3 {
		return ""
	}
	return fields[2]
}

const bannerStart = "Linux version "

// readBanner reads the banner from linux_banner (init/version.c). Without CONFIG_KALLSYMS_ALL the
// tables lack this symbol. The banner is then the only string that begins like one and continues
// with a digit (linux_proc_banner continues with a format).
func (im *Image) readBanner() (string, error) {
	for _, i := range im.Lookup("linux_banner") {
		s := im.segment(im.Symbols[i].Addr)
		if s == nil {
			continue
		}
		if banner, ok := bannerAt(s.from(im.Symbols[i].Addr)); ok {
			return banner, nil
		}
	}
	for _, s := range im.segments {
		if banner, ok := findBanner(s.data); ok {
			return banner, nil
		}
	}
	return "", fault.Inputf("kernel image: no version banner").
		Hint("the image's linux_banner is not a line that starts with %q", bannerStart)
}

func findBanner(data []byte) (string, bool) {
	for {
		i := bytes.Index(data, []byte(bannerStart))
		if i < 0 {
			return "", false
		}
		if banner, ok := bannerAt(data[i:]); ok {
			return banner, true
		}
		data = data[i+len(bannerStart):]
	}
}

// maxBanner is far above any kernel's banner: UTS names have 64 bytes each, the rest is the version
// lines of compiler and linker.
const maxBanner = 1024

func bannerAt(data []byte) (string, bool) {
	line, _, ok := bytes.Cut(data[:min(len(data), maxBanner)], []byte("\n"))
	rest, starts := bytes.CutPrefix(line, []byte(bannerStart))
	if !ok || !starts || len(rest) == 0 || rest[0] < '0' || rest[0] > '9' || !printable(line) {
		return "", false
	}
	return string(line), true
}

// printable reports whether all of s is printable ASCII.
func printable(s []byte) bool {
	for _, c := range s {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}
