package kimage

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz"
	"github.com/ulikunitz/xz/lzma"

	"kintsugi/internal/fault"
)

// pack compresses vmlinux as the kernel's build does, the size at its end.
func pack(t testing.TB, vmlinux []byte, open func(io.Writer) (io.WriteCloser, error)) []byte {
	var b bytes.Buffer
	w, err := open(&b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(vmlinux); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func appendSize(payload []byte, size int) []byte {
	return binary.LittleEndian.AppendUint32(payload, uint32(size))
}

func payloads(t testing.TB, vmlinux []byte) map[string][]byte {
	return map[string][]byte{
		"gzip": pack(t, vmlinux, func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil }),
		"xz": appendSize(pack(t, vmlinux, func(w io.Writer) (io.WriteCloser, error) {
			return xz.WriterConfig{CheckSum: xz.CRC32}.NewWriter(w)
		}), len(vmlinux)),
		"zstd": appendSize(pack(t, vmlinux, func(w io.Writer) (io.WriteCloser, error) {
			return zstd.NewWriter(w)
		}), len(vmlinux)),
		"lz4": appendSize(pack(t, vmlinux, func(w io.Writer) (io.WriteCloser, error) {
			packer := lz4.NewWriter(w)
			return packer, packer.Apply(lz4.LegacyOption(true))
		}), len(vmlinux)),
		"lzma": appendSize(pack(t, vmlinux,
			func(w io.Writer) (io.WriteCloser, error) { return lzma.NewWriter(w) }), len(vmlinux)),
		"none": vmlinux,
	}
}

func TestUnpack(t *testing.T) {
	vmlinux := testKernel(formats[0], testSymbols(true))
	for name, payload := range payloads(t, vmlinux) {
		got, err := Unpack(testBzImage(payload))
		if err != nil || !bytes.Equal(got, vmlinux) {
			t.Errorf("%s: %d bytes, want %d: error %v", name, len(got), len(vmlinux), err)
		}
	}
}

// TestUnpackBzip2 has what bzip2 makes, as Go's library does not pack.
func TestUnpackBzip2(t *testing.T) {
	const packed = "\x42\x5a\x68\x39\x31\x41\x59\x26\x53\x59\x9c\xea\x96\xc4\x00" +
		"\x00\x00\x91\x80\x40\x00\x22\x0d\x10\x00\x20\x00" +
		"\x22\x1a\x66\xa6\x21\x80\x50\x21\xea\x8b\xb9\x22\x9c\x28\x48\x4e\x75\x4b\x62\x00"
	got, err := Unpack(testBzImage(appendSize([]byte(packed), len("a kernel"))))
	if err != nil || string(got) != "a kernel" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestUnpackRefuses(t *testing.T) {
	vmlinux := testKernel(formats[0], testSymbols(true))
	packed := payloads(t, vmlinux)["xz"]
	changed := func(file []byte, off int, to byte) []byte {
		file = bytes.Clone(file)
		file[off] = to
		return file
	}
	image := testBzImage(packed)
	tests := []struct {
		name, want string
		file       []byte
	}{
		{"empty", "neither", nil},
		{"text", "neither", bytes.Repeat([]byte("vmlinuz "), 100)},
		{"old", "too old", changed(image, bootVersion, 7)},
		{"truncated", "truncated", image[:len(image)-100]},
		{"length", "truncated", changed(image, payloadLength+3, 0xff)},
		{"no payload", "truncated", testBzImage(nil)},
		{"unknown", "unknown compression", testBzImage([]byte("something else"))},
		{"LZ4", "LZ4: ", testBzImage([]byte("\x02\x21\x4c\x18----------"))},
		{"LZO", "LZO compression is not supported", testBzImage([]byte("\x89LZO\x00----"))},
		{"LZMA", "dictionary of 4294901760 bytes", testBzImage([]byte("\x5d\x00\x00\xff\xff\xff\xff----\x00\x00\x01\x00"))},
		{"LZMA cut off", "LZMA: ", testBzImage([]byte("\x5d\x00\x00\x80\x00----\x00\x00\x01\x00"))},
		{"BZIP2", "BZIP2: ", testBzImage([]byte("BZh9----\x00\x00\x01\x00"))},
		{"size above", "above", testBzImage(appendSize(packed[:len(packed)-4], 1<<31))},
		{"size less", "not 100 as recorded", testBzImage(appendSize(packed[:len(packed)-4], 100))},
		{"size more", "as recorded", testBzImage(appendSize(packed[:len(packed)-4], len(vmlinux)+1))},
		{"damaged", "XZ: ", testBzImage(changed(packed, len(packed)/2, packed[len(packed)/2]+1))},
	}
	for _, tt := range tests {
		_, err := Unpack(tt.file)
		if err == nil || !strings.Contains(err.Error(), tt.want) || fault.ClassOf(err) != fault.Input {
			t.Errorf("%s: error %v, want %q", tt.name, err, tt.want)
		}
	}
}

func FuzzUnpack(f *testing.F) {
	vmlinux := testKernel(formats[0], testSymbols(true))
	for _, payload := range payloads(f, vmlinux) {
		f.Add(testBzImage(payload))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		im, err := Open(file)
		if err != nil {
			return
		}
		for i := range im.Symbols {
			_, _ = im.Bytes(im.Symbols[i].Addr, 16)
			im.Containing(im.Symbols[i].Addr)
		}
	})
}
