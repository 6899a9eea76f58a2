package elfobj

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

const (
	// maxInflated limits the bytes of all compressed sections of a file together, after
	// decompression.
	maxInflated = 1 << 30

	// The largest expansion of one compressed byte: deflate codes 258 bytes in 2 bits, and a zstd
	// block of 4 bytes stands for up to 128 KiB.
	maxZlibRatio = 1032
	maxZstdRatio = 32 << 10

	// zstdWindow is the window that every decoder should accept (RFC 8878, 3.1.1.1.2). Assemblers
	// compress at a level that needs 2 MiB.
	zstdWindow = 8 << 20
)

// inflate decompresses the contents of a SHF_COMPRESSED section (gABI, "Section Compression").
func (r *reader) inflate(s *Section) error {
	if len(s.Data) < chdrSize {
		return errors.New("no compression header")
	}
	kind := elf.CompressionType(r.order.Uint32(s.Data))
	size := r.order.Uint64(s.Data[8:])
	align := r.order.Uint64(s.Data[16:])
	body := s.Data[chdrSize:]
	if err := checkAlign(align); err != nil {
		return err
	}
	if size > uint64(maxInflated-r.inflated) {
		return fmt.Errorf("compressed sections expand to more than %d bytes", maxInflated)
	}
	data, err := inflate(kind, body, int(size))
	if err != nil {
		return fmt.Errorf("%v: %w", kind, err)
	}
	r.inflated += len(data)
	s.Data, s.Align, s.Compressed = data, align, kind
	s.Flags &^= elf.SHF_COMPRESSED
	return nil
}

func inflate(kind elf.CompressionType, body []byte, size int) ([]byte, error) {
	switch kind {
	case elf.COMPRESS_ZLIB:
		z, err := zlib.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		defer z.Close()
		return readExactly(z, len(body), size, maxZlibRatio)
	case elf.COMPRESS_ZSTD:
		z, err := zstd.NewReader(bytes.NewReader(body), zstd.WithDecoderConcurrency(1),
			zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(zstdWindow))
		if err != nil {
			return nil, err
		}
		defer z.Close()
		return readExactly(z, len(body), size, maxZstdRatio)
	}
	return nil, errors.New("compression is unknown")
}

// readExactly reads size decompressed bytes from z, which reads from compressed bytes. The buffer
// grows with the bytes read, not with the size that a hostile header claims.
func readExactly(z io.Reader, from, size, ratio int) ([]byte, error) {
	if size/ratio > from {
		return nil, fmt.Errorf("%d compressed bytes cannot expand to %d", from, size)
	}
	var b bytes.Buffer
	b.Grow(min(size, 16*from) + bytes.MinRead)
	if _, err := b.ReadFrom(io.LimitReader(z, int64(size)+1)); err != nil {
		return nil, err
	}
	if b.Len() != size {
		return nil, fmt.Errorf("decompressed contents differ from the header's size of %d bytes", size)
	}
	return b.Bytes(), nil
}

// deflate is the inverse of inflate. It returns a compression header and the compressed contents.
func deflate(order binary.AppendByteOrder, s *Section) ([]byte, error) {
	var out bytes.Buffer
	header := order.AppendUint32(make([]byte, 0, chdrSize), uint32(s.Compressed))
	header = order.AppendUint32(header, 0) // reserved
	header = order.AppendUint64(header, uint64(len(s.Data)))
	out.Write(order.AppendUint64(header, s.Align))
	z, err := compressor(s.Compressed, &out)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(s.Data); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func compressor(kind elf.CompressionType, out io.Writer) (io.WriteCloser, error) {
	switch kind {
	case elf.COMPRESS_ZLIB:
		return zlib.NewWriter(out), nil
	case elf.COMPRESS_ZSTD:
		// With several workers, block boundaries would depend on timing and the bytes would vary.
		return zstd.NewWriter(out, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(zstdWindow/4))
	}
	return nil, fmt.Errorf("compression %v is unknown", kind)
}
