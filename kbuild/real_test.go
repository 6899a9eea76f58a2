package kbuild

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

// realTree returns the prepared tree that the tests of the real thing run on.
func realTree(t *testing.T) *Tree {
	t.Helper()
	dir := os.Getenv("KINTSUGI_TEST_SOURCE")
	if dir == "" {
		t.Skip("KINTSUGI_TEST_SOURCE is not set: no prepared kernel tree to test on")
	}
	return &Tree{Dir: dir, CC: "gcc-12", CacheDir: t.TempDir(), Jobs: 2}
}

func TestCompileUnpatched(t *testing.T) {
	tree := realTree(t)
	const file = "fs/proc/meminfo.c"
	units, diags, err := tree.Plan(context.Background(), []string{file})
	if err != nil || len(diags) > 0 || len(units) != 1 {
		t.Fatalf("plan: %v, %v, %v", units, diags, err)
	}
	text, err := os.ReadFile(filepath.Join(tree.Dir, file))
	if err != nil {
		t.Fatal(err)
	}
	pairs, err := tree.Compile(context.Background(), units, map[string][]byte{file: text}, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if string(pairs[0].Original) != string(pairs[0].Patched) {
		t.Error("the same source gives different objects")
	}
}
