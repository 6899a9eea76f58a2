package target

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kintsugi/internal/testenv"
)

// What tests of other packages read of a target is what Open gives.
func TestTestenvReadsTargets(t *testing.T) {
	cache := t.TempDir()
	s := &Store{Dir: filepath.Join(cache, "kintsugi")}
	dir := s.targetDir("mine")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	saved := &Target{Name: "mine", Dir: dir, CC: "gcc-12", Source: filepath.Join(dir, "source"),
		Headers: "/usr/src/headers",
		Image:   filepath.Join(dir, "image/vmlinuz"), Modules: filepath.Join(dir, "modules")}
	if err := saved.save(); err != nil {
		t.Fatal(err)
	}
	want := &testenv.Target{Name: saved.Name, CC: saved.CC, Source: saved.Source, Headers: saved.Headers,
		Image: saved.Image, Modules: saved.Modules}
	for variable, value := range map[string]string{"XDG_CACHE_HOME": cache, "KINTSUGI_CACHE": s.Dir} {
		t.Run(variable, func(t *testing.T) {
			t.Setenv("KINTSUGI_CACHE", "")
			t.Setenv(variable, value)
			t.Setenv(testenv.Variable, "mine")
			if store, err := DefaultStore(); err != nil || store.Dir != s.Dir {
				t.Fatalf("store %v, %v", store, err)
			}
			if diff := cmp.Diff(want, testenv.Kernel(t)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
	t.Setenv(testenv.Variable, "")
	if got := testenv.Find(t); got != nil {
		t.Errorf("found %v without a name", got)
	}
}
