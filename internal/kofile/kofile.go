// Package kofile reads kernel modules as distributions install them: plain, or
// packed by xz, zstd or gzip.
package kofile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/mikelolasagasti/xz"

	"kintsugi/internal/fault"
)

const (
	// maxSize bounds what is read of a module, packed and unpacked, in bytes.
	// The largest ones with debug information have some 100 MB.
	maxSize = 256 << 20
	// maxWindow bounds what the decoders look back, in bytes: scripts/Makefile.modinst
	// has 2 MiB, xz -9 64 MiB.
	maxWindow = 128 << 20
)

// suffixes are the names that modules have (scripts/Makefile.modinst).
var suffixes = []string{".ko", ".ko.xz", ".ko.zst", ".ko.gz"}

// Is reports whether a path has a module's suffix.
func Is(path string) bool {
	_, ok := stem(path)
	return ok
}

// Name is the name of the module in the file path as the kernel has it:
// snd_hda_intel for kernel/sound/pci/hda/snd-hda-intel.ko.xz.
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

// Read returns the module in the file path, unpacked. Like modprobe it recognizes
// the packing by the first bytes. A file that cannot be read is a fault.Input.
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

// Unpack reads r to its end and unpacks it. What is not packed is returned as
// it is.
func Unpack(r io.Reader) ([]byte, error) {
	packed := bufio.NewReader(io.LimitReader(r, maxSize+1))
	u, err := unpacker(packed)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(u, maxSize+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxSize {
		return nil, errors.New("module larger than 256 MB")
	}
	return data, nil
}

func unpacker(r *bufio.Reader) (io.Reader, error) {
	magic, err := r.Peek(6)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(magic, []byte("\xfd7zXZ\x00")):
		return named("xz")(xz.NewReader(r, maxWindow))
	case bytes.HasPrefix(magic, []byte("\x28\xb5\x2f\xfd")):
		// One goroutine: it ends with the read, and many modules are read at once.
		return named("zstd")(zstd.NewReader(r, zstd.WithDecoderConcurrency(1),
			zstd.WithDecoderMaxMemory(maxSize), zstd.WithDecoderMaxWindow(maxWindow)))
	case bytes.HasPrefix(magic, []byte("\x1f\x8b")):
		return named("gzip")(gzip.NewReader(r))
	}
	return r, nil
}

// named adds the decoder's name to an error.
func named(format string) func(r io.Reader, err error) (io.Reader, error) {
	return func(r io.Reader, err error) (io.Reader, error) {
		if err != nil {
			return nil, fmt.Errorf("%s: %w", format, err)
		}
		return r, nil
	}
}
