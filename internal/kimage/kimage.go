// Package kimage reads a shipped kernel image: it unpacks the bzImage, maps
// its segments and reads the kallsyms tables inside, so that neither debuginfo
// nor a System.map is needed.
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
	// Symbols are the kallsyms in table order, which is ascending by address
	// but for modules.
	Symbols []Symbol
	// HasData is true if Symbols has data symbols: the kernel was built with
	// CONFIG_KALLSYMS_ALL.
	HasData bool

	segments []segment
	sections map[string]segment // of a module
	init     []span
	byName   nameIndex
	byAddr   []int32 // of a module: indices by address; nil: Symbols are in that order
	mapped   []byte  // the whole file where OpenFile mapped it
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

// OpenFile reads the raw vmlinux at path, which Unpack made, without holding
// it in memory: the file is mapped and must not change until Close.
func OpenFile(path string) (*Image, error) {
	data, err := mapFile(path)
	if err != nil {
		return nil, err
	}
	im, err := Parse(data)
	if err != nil {
		_ = unix.Munmap(data) // the first error is the one to tell
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

// Close unmaps the file that OpenFile mapped; slices that Bytes returned are
// invalid then. It does nothing for the images of Open and Parse.
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

// readBanner reads the banner from linux_banner (init/version.c). Without
// CONFIG_KALLSYMS_ALL the tables do not have that symbol. The banner is then the only
// string with its beginning and a digit after it (linux_proc_banner has a format there).
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

// maxBanner is far above what a kernel has: UTS names are 64 bytes each, the
// compiler's and linker's version lines are the rest.
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
