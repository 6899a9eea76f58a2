// Package testenv gives tests the kernel that KINTSUGI_TEST_TARGET names: a target of the user's
// store. Tests that need a real kernel are skipped if the variable is not set, and fail if it names
// no target.
//
// It reads the target's description itself, so that tests of the packages below internal/target can
// use it.
package testenv

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Variable is the environment variable that names the target.
const Variable = "KINTSUGI_TEST_TARGET"

// Target is what tests need of a target; internal/target describes the fields.
type Target struct {
	Name    string
	CC      string // the compiler's command, gcc-12
	Source  string // prepared tree
	Headers string // folder for make -C
	Image   string // vmlinuz
	Modules string // folder of the kernel's modules
}

// Kernel is the target that the environment names. Without one it skips the test.
func Kernel(t testing.TB) *Target {
	t.Helper()
	k := Find(t)
	if k == nil {
		t.Skipf("%s is not set: it names the target to test on", Variable)
	}
	return k
}

// Find is Kernel for tests that do not require a target. It returns nil if the variable is not set.
func Find(t testing.TB) *Target {
	t.Helper()
	name := os.Getenv(Variable)
	if name == "" {
		return nil
	}
	cache, err := store()
	if err != nil {
		t.Fatal(err)
	}
	k, err := read(filepath.Join(cache, "targets", name))
	if err != nil {
		t.Fatalf("%s=%s: %v (kintsugi target list prints the names)", Variable, name, err)
	}
	return k
}

// store returns the user's store of targets, like target.DefaultStore.
func store() (string, error) {
	if dir := os.Getenv("KINTSUGI_CACHE"); dir != "" {
		return filepath.Abs(dir)
	}
	cache, err := os.UserCacheDir()
	return filepath.Join(cache, "kintsugi"), err
}

// read reads the description of the target in a folder of the store. Paths
// within the folder are stored relative to it.
func read(dir string) (*Target, error) {
	data, err := os.ReadFile(filepath.Join(dir, "target.json"))
	if err != nil {
		return nil, err
	}
	k := &Target{}
	if err := json.Unmarshal(data, k); err != nil {
		return nil, fmt.Errorf("target.json: %w", err)
	}
	for _, path := range []*string{&k.Source, &k.Headers, &k.Image, &k.Modules} {
		if *path != "" && !filepath.IsAbs(*path) {
			*path = filepath.Join(dir, *path)
		}
	}
	return k, nil
}
