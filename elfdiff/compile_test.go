package elfdiff_test

import (
	"os/exec"
	"testing"

	"kintsugi/elfdiff"
	"kintsugi/internal/testobj"
)

// build, buildWith, readObject and swap are functions of testobj.
var (
	kernelFlags = testobj.Flags
	build       = testobj.Build
	buildWith   = testobj.BuildWith
	readObject  = testobj.Read
	swap        = testobj.Swap
)

const prelude = testobj.Prelude

// diffSources compiles two sources and compares the objects.
func diffSources(t testing.TB, orig, patched string, flags ...string) *elfdiff.Result {
	t.Helper()
	r, err := elfdiff.Diff(build(t, orig, flags...), build(t, patched, flags...))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func run(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return out
}
