package elfobj

import (
	"debug/elf"
	"encoding/binary"
	"os/exec"
	"reflect"
	"slices"
	"testing"
)

// FuzzRead demands that what can be read can be written, and is then the same.
func FuzzRead(f *testing.F) {
	f.Add(mustWrite(f, sample()))
	retargeted := sample()
	retargeted.ByteOrder, retargeted.Machine = binary.BigEndian, elf.EM_S390
	f.Add(mustWrite(f, retargeted))
	if _, err := exec.LookPath("gcc"); err == nil {
		f.Add(gcc(f, "a.c", sourceC, "-O2", "-ffunction-sections"))
		f.Add(gcc(f, "a.c", sourceC, "-g", "-gz=zlib"))
		f.Add(gcc(f, "a.cc", sourceCxx))
		f.Add(gcc(f, "a.s", sourceAsm))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Read(data)
		if err != nil {
			return
		}
		written := mustWrite(t, file)
		again := mustRead(t, written)
		slices.SortStableFunc(file.Symbols, localFirst)
		if !reflect.DeepEqual(file, again) {
			t.Error("object differs after Write and Read")
		}
	})
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
