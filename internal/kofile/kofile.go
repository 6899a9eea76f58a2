// Package kofile reads kernel modules as distributions install them: plain, or
// packed by xz, zstd or gzip.
package kofile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"kintsugi/internal/fault"
	"kintsugi/internal/unpack"
)

// maxSize limits the size of a module, packed and unpacked, in bytes. The largest modules with
// debug information have about 100 MB.
const maxSize = 256 << 20

// suffixes are the names that modules have (scripts/Makefile.modinst).
var suffixes = []string{".ko", ".ko.xz", ".ko.zst", ".ko.gz"}

// Is reports whether a path has a module's suffix.
func Is(path string) bool {
	_, ok := stem(path)
	return ok
}

// Name returns the kernel's name of the module in a file: snd_hda_intel for
// kernel/sound/pci/hda/snd-hda-intel.ko.xz.
func Name(path string) string {
	base, _ := stem(path)
	return strings.ReplaceAll(base, "-", "_")
}

func stem(path string) (string, bool) {
	base := filepath.Base(path)
	for _, suffix := range suffixes {
		if stem, ok := strings.CutSuffix(base, suffix); ok && stem != "" {
			return stem, true
		}
	}
	return base, false
}

// Read returns the unpacked module in a file. Like modprobe, it recognizes the compression by the
// first bytes. A file that cannot be read is a fault.Input.
func Read(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fault.Inputf("%w", err)
	}
	defer file.Close()
	data, err := Unpack(file)
	if err != nil {
		return nil, fault.Inputf("%s: %w", path, err)
	}
	return data, nil
}

// Unpack reads r to its end and unpacks it. Data that is not packed is returned unchanged.
func Unpack(r io.Reader) ([]byte, error) {
	data, err := unpack.All(r, maxSize)
	if errors.Is(err, unpack.ErrTooLarge) {
		return nil, errors.New("module larger than 256 MB")
	}
	return data, err
}
