package arch

import (
	"encoding/binary"
	"errors"
	"fmt"
)

var (
	// ErrFormat means that a file is not a bootable image of the architecture.
	ErrFormat = errors.New("not a bootable image")
	// ErrTruncated means that a bootable image ends before its payload.
	ErrTruncated = errors.New("truncated")
)

// Offsets in the setup header of a bzImage, and the first protocol version that has them all
// (Documentation/arch/x86/boot.rst).
const (
	bzSetupSects    = 0x1f1 // u8, 512-byte sectors of real-mode code without the boot sector
	bzMagic         = 0x202 // "HdrS"
	bzVersion       = 0x206 // u16
	bzPayloadOffset = 0x248 // u32, from the start of the protected-mode code
	bzPayloadLength = 0x24c // u32
	bzHeaderEnd     = 0x250

	bzPayloadVersion = 0x0208
)

// bzImagePayload returns the compressed kernel in a bzImage.
func bzImagePayload(file []byte) ([]byte, error) {
	if len(file) < bzHeaderEnd || string(file[bzMagic:bzMagic+4]) != "HdrS" {
		return nil, ErrFormat
	}
	if v := binary.LittleEndian.Uint16(file[bzVersion:]); v < bzPayloadVersion {
		return nil, fmt.Errorf("boot protocol %d.%02d is too old, need 2.08", v>>8, v&0xff)
	}
	setup := uint64(file[bzSetupSects])
	if setup == 0 {
		setup = 4
	}
	start := (setup+1)*512 + uint64(binary.LittleEndian.Uint32(file[bzPayloadOffset:]))
	size := uint64(binary.LittleEndian.Uint32(file[bzPayloadLength:]))
	if size < 8 || start+size > uint64(len(file)) {
		return nil, fmt.Errorf("%w: payload of %d bytes at %d, file of %d", ErrTruncated, size, start, len(file))
	}
	return file[start : start+size], nil
}
