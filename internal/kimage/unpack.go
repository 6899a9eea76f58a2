package kimage

import (
	"bytes"
	"compress/gzip"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/mikelolasagasti/xz"

	"kintsugi/internal/fault"
)

// Offsets in the setup header of a bzImage, and the first protocol version
// that has them all (Documentation/arch/x86/boot.rst).
const (
	hdrSetupSects    = 0x1f1 // u8, 512-byte sectors of real-mode code without the boot sector
	hdrMagic         = 0x202 // "HdrS"
	hdrVersion       = 0x206 // u16
	hdrPayloadOffset = 0x248 // u32, from the start of the protected-mode code
	hdrPayloadLength = 0x24c // u32
	hdrEnd           = 0x250

	payloadVersion = 0x0208
)

// maxDictionary bounds the memory of the XZ decoder; scripts/xz_wrap.sh has 32
// MiB, since 6.12 128 MiB.
const maxDictionary = 128 << 20

// compression is one way to pack the kernel, told apart by its magic.
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
	{"LZ4", "\x02\x21\x4c\x18", nil},
	{"LZO", "\x89LZO\x00", nil},
	{"LZMA", "\x5d\x00\x00", nil},
	{"BZIP2", "BZh", nil},
}

// Unpack returns the vmlinux inside a bzImage. It is an ELF file; what the
// kernel's build appended to it (relocations for KASLR) stays. A file that is
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

// findPayload returns the compressed kernel in a bzImage.
func findPayload(file []byte) ([]byte, error) {
	if len(file) < hdrEnd || string(file[hdrMagic:hdrMagic+4]) != "HdrS" {
		return nil, fault.Inputf("kernel image: neither an x86 bzImage nor an ELF file").
			Hint("give the vmlinuz of the distribution's package, or the vmlinux of the kernel's build")
	}
	if v := binary.LittleEndian.Uint16(file[hdrVersion:]); v < payloadVersion {
		return nil, fault.Inputf("kernel image: boot protocol %d.%02d is too old, need 2.08", v>>8, v&0xff)
	}
	setup := uint64(file[hdrSetupSects])
	if setup == 0 {
		setup = 4
	}
	start := (setup+1)*512 + uint64(binary.LittleEndian.Uint32(file[hdrPayloadOffset:]))
	size := uint64(binary.LittleEndian.Uint32(file[hdrPayloadLength:]))
	if size < 8 || start+size > uint64(len(file)) {
		return nil, fault.Inputf("kernel image: truncated: %d bytes at %d of %d", size, start, len(file)).
			Hint("was the file copied completely?")
	}
	return file[start : start+size], nil
}

// unpack decompresses payload, whose last four bytes are the unpacked size
// (arch/x86/boot/compressed/mkpiggy.c): gzip has them by itself, the kernel's
// build appends them for the others (size_append, scripts/Makefile.lib).
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

func openGzip(payload []byte) (io.ReadCloser, error) {
	r, err := gzip.NewReader(bytes.NewReader(payload))
	if err != nil {
		return nil, err
	}
	r.Multistream(false)
	return r, nil
}
