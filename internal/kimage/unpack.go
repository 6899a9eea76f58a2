package kimage

import (
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/mikelolasagasti/xz"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz/lzma"

	"kintsugi/internal/arch"
	"kintsugi/internal/fault"
)

// maxDictionary bounds the memory of the decoders; scripts/xz_wrap.sh has 32
// MiB, since 6.12 128 MiB.
const maxDictionary = 128 << 20

// compression is one way to pack the kernel; magic is what the packed data begins with.
type compression struct {
	name  string
	magic string
	open  func(payload []byte) (io.ReadCloser, error) // nil: not supported
}

// compressions are those of lib/decompress.c.
var compressions = []compression{
	{"XZ", "\xfd7zXZ\x00", openXZ},
	{"ZSTD", "\x28\xb5\x2f\xfd", openZstd},
	{"GZIP", "\x1f\x8b", openGzip},
	{"GZIP", "\x1f\x9e", nil},
	{"LZ4", "\x02\x21\x4c\x18", openLZ4},
	{"LZO", "\x89LZO\x00", nil},
	{"LZMA", "\x5d\x00\x00", openLZMA},
	{"BZIP2", "BZh", openBzip2},
}

// Unpack returns the vmlinux inside a bootable image. It is an ELF file; what
// the kernel's build appended to it (relocations for KASLR) stays. A file that is
// a vmlinux already is returned as it is.
func Unpack(file []byte) ([]byte, error) {
	if bytes.HasPrefix(file, []byte(elf.ELFMAG)) {
		return file, nil
	}
	payload, err := findPayload(file)
	if err != nil {
		return nil, err
	}
	if bytes.HasPrefix(payload, []byte(elf.ELFMAG)) { // CONFIG_KERNEL_UNCOMPRESSED
		return payload, nil
	}
	for _, c := range compressions {
		if bytes.HasPrefix(payload, []byte(c.magic)) {
			return c.unpack(payload)
		}
	}
	return nil, fault.Inputf("kernel image: unknown compression, payload starts with % x", payload[:4])
}

// findPayload returns the compressed kernel in the bootable image of any
// architecture.
func findPayload(file []byte) ([]byte, error) {
	var formats []string
	for _, a := range arch.All() {
		if a.Image.Payload == nil {
			continue
		}
		payload, err := a.Image.Payload(file)
		switch {
		case err == nil:
			return payload, nil
		case errors.Is(err, arch.ErrTruncated):
			return nil, fault.Inputf("kernel image: %w", err).Hint("was the file copied completely?")
		case !errors.Is(err, arch.ErrFormat):
			return nil, fault.Inputf("kernel image: %w", err)
		}
		formats = append(formats, a.Image.Format+" ("+a.Name+")")
	}
	return nil, fault.Inputf("kernel image: neither %s nor an ELF file", strings.Join(formats, " nor ")).
		Hint("give the vmlinuz of the distribution's package, or the vmlinux of the kernel's build")
}

// unpack decompresses payload, whose last four bytes are the unpacked size: gzip
// has them by itself, the kernel's build appends them for the others
// (size_append, scripts/Makefile.lib).
func (c compression) unpack(payload []byte) ([]byte, error) {
	if c.open == nil {
		return nil, fault.Inputf("kernel image: %s compression is not supported", c.name).
			Hint("unpack it with scripts/extract-vmlinux of the kernel source and give that vmlinux as the image")
	}
	size := binary.LittleEndian.Uint32(payload[len(payload)-4:])
	if size > maxVmlinux {
		return nil, fault.Inputf("kernel image: unpacked size %d is above %d", size, maxVmlinux)
	}
	r, err := c.open(payload)
	if err != nil {
		return nil, fault.Inputf("kernel image: %s: %w", c.name, err)
	}
	defer r.Close()
	vmlinux, err := readSize(r, int(size), 32*len(payload))
	if err != nil {
		return nil, fault.Inputf("kernel image: %s: %w", c.name, err)
	}
	return vmlinux, nil
}

// readSize reads r to its end, which must come after size bytes. At most
// trust bytes are allocated on the word of size alone.
func readSize(r io.Reader, size, trust int) ([]byte, error) {
	var b bytes.Buffer
	b.Grow(min(size, trust) + bytes.MinRead)
	n, err := b.ReadFrom(io.LimitReader(r, int64(size)+1))
	if err != nil {
		return nil, err
	}
	if n != int64(size) {
		return nil, fmt.Errorf("unpacked size is not %d as recorded", size)
	}
	return b.Bytes(), nil
}

func openXZ(payload []byte) (io.ReadCloser, error) {
	r, err := xz.NewReader(bytes.NewReader(payload[:len(payload)-4]), maxDictionary)
	return io.NopCloser(r), err
}

// openZstd allows a window as large as the kernel's own decoder does.
func openZstd(payload []byte) (io.ReadCloser, error) {
	r, err := zstd.NewReader(bytes.NewReader(payload[:len(payload)-4]),
		zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxDictionary))
	if err != nil {
		return nil, err
	}
	return r.IOReadCloser(), nil
}

// openLZ4 reads the legacy format, which the kernel's build makes (lz4 -l): its
// end is that of the file.
func openLZ4(payload []byte) (io.ReadCloser, error) {
	return io.NopCloser(lz4.NewReader(bytes.NewReader(payload[:len(payload)-4]))), nil
}

func openLZMA(payload []byte) (io.ReadCloser, error) {
	if len(payload) < 5+4 {
		return nil, io.ErrUnexpectedEOF
	}
	if size := binary.LittleEndian.Uint32(payload[1:]); size > maxDictionary {
		return nil, fmt.Errorf("dictionary of %d bytes, more than %d", size, maxDictionary)
	}
	r, err := lzma.NewReader(bytes.NewReader(payload[:len(payload)-4]))
	return io.NopCloser(r), err
}

func openBzip2(payload []byte) (io.ReadCloser, error) {
	return io.NopCloser(bzip2.NewReader(bytes.NewReader(payload[:len(payload)-4]))), nil
}

func openGzip(payload []byte) (io.ReadCloser, error) {
	r, err := gzip.NewReader(bytes.NewReader(payload))
	if err != nil {
		return nil, err
	}
	r.Multistream(false)
	return r, nil
}
