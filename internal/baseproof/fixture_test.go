package baseproof

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kintsugi/internal/kimage"
	"kintsugi/internal/objmodel"
)

// recorded is an object that testdata/make-objects compiled.
func recorded(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// proveRecorded looks for a recorded unit in a recorded kernel.
func proveRecorded(t *testing.T, unit, kernel string) (*objmodel.Object, *kimage.Image, *Proof) {
	t.Helper()
	image, err := kimage.ParseModule(recorded(t, kernel))
	if err != nil {
		t.Fatal(err)
	}
	o := load(t, recorded(t, unit))
	return o, image, Prove(o, image)
}

// TestTwoOfOneName has two functions read() whose bytes differ only in
// relocated fields. The targets of these fields distinguish them.
func TestTwoOfOneName(t *testing.T) {
	o, image, proof := proveRecorded(t, "unit.o", "kernel.o")
	read := function(t, o, "read")
	addr, ok := proof.Addr(read)
	if !ok || proof.Unproven(read) != "" {
		t.Fatalf("read is not proven: %s", proof.Unproven(read))
	}
	if named := image.Lookup("read"); len(named) != 2 || image.Symbols[named[1]].Addr != addr {
		t.Errorf("read is at %#x, which is not the second of %d", addr, len(named))
	}
	for name, symbol := range map[string]string{"mine": "mine", "shared": "shared"} {
		addr, ok := proof.SymbolAddr(name)
		if at := image.Lookup(symbol); !ok || image.Symbols[at[0]].Addr != addr {
			t.Errorf("%s: %#x, %v", name, addr, ok)
		}
	}
}

// TestTwins has two functions twin() with the same code and references. A
// caller that is this unit's own points at one of them.
func TestTwins(t *testing.T) {
	o, image, proof := proveRecorded(t, "unit.o", "kernel.o")
	addr, ok := proof.Addr(function(t, o, "twin"))
	named := image.Lookup("twin")
	if !ok || len(named) != 2 || image.Symbols[named[1]].Addr != addr {
		t.Errorf("twin: %#x, %v, %d of that name", addr, ok, len(named))
	}
}

func TestOverridden(t *testing.T) {
	o, _, proof := proveRecorded(t, "unit.o", "kernel.o")
	if reason := proof.Unproven(function(t, o, "weak")); reason != overridden {
		t.Errorf("weak: %q", reason)
	}
	if got := proof.Report(); got.Functions != 5 || got.Proven != 4 {
		t.Errorf("%d of %d proven: %+v", got.Proven, got.Functions, got.Unproven)
	}
}

// TestAnotherKernel was built with another constant in one function.
func TestAnotherKernel(t *testing.T) {
	o, _, proof := proveRecorded(t, "unit.o", "another-kernel.o")
	if reason := proof.Unproven(function(t, o, "entry")); !strings.HasPrefix(reason, "different code at +") {
		t.Errorf("entry: %q", reason)
	}
	if reason := proof.Unproven(function(t, o, "read")); reason != "" {
		t.Errorf("read: %q", reason)
	}
}

// TestWith joins two proofs into a third and changes neither.
func TestWith(t *testing.T) {
	o, _, proof := proveRecorded(t, "unit.o", "another-kernel.o")
	_, _, plain := proveRecorded(t, "plain.o", "kernel.o")
	entry := function(t, o, "entry")
	both := proof.With(plain)
	if both.Unproven(entry) != "" || proof.Unproven(entry) == "" {
		t.Errorf("joined: %q, before: %q", both.Unproven(entry), proof.Unproven(entry))
	}
	named := proof.WithSymbols(map[string]uint64{"mine": 1, "new": 2})
	if addr, _ := named.SymbolAddr("new"); addr != 2 {
		t.Errorf("new is at %#x", addr)
	}
	if addr, _ := named.SymbolAddr("mine"); addr == 1 {
		t.Error("a symbol that a reference proves was moved")
	}
	if _, ok := proof.SymbolAddr("new"); ok {
		t.Error("the first proof was changed")
	}
}
