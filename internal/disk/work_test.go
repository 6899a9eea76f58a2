package disk

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// A dead run's folder goes, that of a living run and other people's folders stay.
func TestCleanWork(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	alive, err := NewWork(BuildWork)
	if err != nil {
		t.Fatal(err)
	}
	dead, err := NewWork(VMWork)
	if err != nil {
		t.Fatal(err)
	}
	dead.unlock() // as the kernel does for a killed process
	young, old := workFolder(t, "1", 0), workFolder(t, "2", -2*time.Minute)
	full, other := workFolder(t, "3", -2*time.Minute), filepath.Join(os.TempDir(), "kintsugi-notes")
	if err := os.WriteFile(filepath.Join(full, "x"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(full, time.Now(), time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(other, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(alive.Dir, filepath.Join(os.TempDir(), "kintsugi-vm-link")); err != nil {
		t.Fatal(err)
	}
	removed, err := CleanWork()
	if want := []string{old, dead.Dir}; err != nil || !slices.Equal(removed, want) {
		t.Errorf("removed %q, %v, want %q", removed, err, want)
	}
	for _, dir := range []string{alive.Dir, young, full, other} {
		if _, err := os.Stat(dir); err != nil {
			t.Error(err)
		}
	}
	if err := alive.Remove(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(alive.Dir); err == nil {
		t.Error("Remove left the folder")
	}
}

// workFolder makes the folder of a run that died before it made the lock.
func workFolder(t *testing.T, number string, age time.Duration) string {
	t.Helper()
	dir := filepath.Join(os.TempDir(), "kintsugi-build-"+number)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(dir, time.Now(), time.Now().Add(age)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Readers share a file, and a writer waits for them.
func TestShare(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first, err := Share(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	second, err := Share(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	first()
	if _, ok, err := tryLock(path); ok || err != nil {
		t.Errorf("locked beside a reader: %v", err)
	}
	second()
	unlock, ok, err := tryLock(path)
	if !ok || err != nil {
		t.Fatalf("not locked after the readers: %v", err)
	}
	unlock()
}
