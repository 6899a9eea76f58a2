// Package unpack reads files that are packed by xz, zstd or gzip, or not at all.
package unpack

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/mikelolasagasti/xz"
)

// maxWindow limits what the decoders look back, in bytes: scripts/Makefile.modinst
// has 2 MiB, xz -9 64 MiB.
const maxWindow = 128 << 20

// ErrTooLarge is about a file with more bytes than the caller takes.
var ErrTooLarge = errors.New("file too large")

// All reads r to its end and unpacks it, recognizing the packing by the first
// bytes. What is not packed is returned as it is. Neither the file nor what is
// in it may have more than limit bytes.
func All(r io.Reader, limit int64) ([]byte, error) {
	packed := bufio.NewReader(io.LimitReader(r, limit+1))
	u, err := unpacker(packed, limit)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(u, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, ErrTooLarge
	}
	return data, nil
}

func unpacker(r *bufio.Reader, limit int64) (io.Reader, error) {
	magic, err := r.Peek(6)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(magic, []byte("\xfd7zXZ\x00")):
		return named("xz")(xz.NewReader(r, maxWindow))
	case bytes.HasPrefix(magic, []byte("\x28\xb5\x2f\xfd")):
		// One goroutine: it ends with the read, and many files are read at once.
		return named("zstd")(zstd.NewReader(r, zstd.WithDecoderConcurrency(1),
			zstd.WithDecoderMaxMemory(uint64(limit)), zstd.WithDecoderMaxWindow(maxWindow)))
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
