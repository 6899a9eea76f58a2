package elfobj

import (
	"debug/elf"
	"encoding/binary"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
)

// FuzzRead requires that whatever can be read can be written, and reads the same afterwards.
func FuzzRead(f *testing.F) {
	f.Add(mustWrite(f, sample()))
	retargeted := sample()
	retargeted.ByteOrder, retargeted.Machine = binary.BigEndian, elf.EM_S390
	f.Add(mustWrite(f, retargeted))
	zstd := sample()
	zstd.Section(".debug_info").Compressed = elf.COMPRESS_ZSTD
	f.Add(mustWrite(f, zstd))
	if _, err := exec.LookPath("gcc"); err == nil {
		f.Add(gcc(f, "a.c", sourceC, "-O2", "-ffunction-sections"))
		f.Add(gcc(f, "a.c", sourceC, "-g", "-gz=zlib"))
		f.Add(gcc(f, "a.cc", sourceCxx))
		f.Add(gcc(f, "a.s", sourceAsm))
	}
	f.Fuzz(func(t *testing.T, data []byte) { readable(t, data) })
}

// readable requires that data cannot be read, or that it can be written and reads the same
// afterwards.
func readable(t *testing.T, data []byte) {
	t.Helper()
	file, err := Read(data)
	if err != nil {
		return
	}
	again := mustRead(t, mustWrite(t, file))
	slices.SortStableFunc(file.Symbols, localFirst)
	if !reflect.DeepEqual(file, again) {
		t.Error("object differs after Write and Read")
	}
}

// TestReadCorrupted overwrites fields, not bytes, because fuzzing rarely hits a whole field.
func TestReadCorrupted(t *testing.T) {
	for _, kind := range []elf.CompressionType{0, elf.COMPRESS_ZLIB, elf.COMPRESS_ZSTD} {
		f := sample()
		f.Section(".debug_info").Compressed = kind
		good := mustWrite(t, f)
		random := rand.New(rand.NewPCG(1, uint64(kind)))
		for range 1500 {
			data := slices.Clone(good)
			for range 1 + random.IntN(4) {
				corrupt(data, random)
			}
			readable(t, data)
			if t.Failed() {
				path := filepath.Join(t.ArtifactDir(), "corrupted.o")
				write(t, path, data)
				t.Fatalf("object is in %s (go test -artifacts keeps it)", path)
			}
		}
	}
}

// corrupt overwrites a field of 1, 2, 4 or 8 bytes, mostly in a section header.
func corrupt(data []byte, random *rand.Rand) {
	values := []uint64{0, 1, 2, 3, 7, 8, 14, 15, 24, 64, 0xff, 0xfff1, 0xffff, 1 << 11, 1 << 31, 1<<32 - 1, 1 << 32,
		1 << 63,
		1<<64 - 1, uint64(len(data))}
	headers := int(binary.LittleEndian.Uint64(data[40:]))
	at := random.IntN(len(data))
	if headers < len(data) && random.IntN(4) > 0 {
		at = headers + random.IntN((len(data)-headers)/4)*4
	}
	field := binary.LittleEndian.AppendUint64(nil, values[random.IntN(len(values))])
	copy(data[at:], field[:1<<random.IntN(4)])
}

// localFirst orders symbols as Write does.
func localFirst(a, b *Symbol) int {
	switch {
	case a.Bind == b.Bind:
		return 0
	case a.Bind == elf.STB_LOCAL:
		return -1
	case b.Bind == elf.STB_LOCAL:
		return 1
	}
	return 0
}
