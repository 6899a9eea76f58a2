package target

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kintsugi/internal/fault"
)

func TestPatchedForRealtime(t *testing.T) {
	for _, c := range []struct {
		k    kernel
		want bool
	}{
		{kernel{Flavour: "rt-amd64", Series: "6.1"}, true},
		{kernel{Flavour: "rt-amd64", Series: "5.10"}, true},
		{kernel{Flavour: "rt-amd64", Series: "6.12"}, false},
		{kernel{Flavour: "amd64", Series: "6.1"}, false},
	} {
		if got := c.k.patchedForRealtime(); got != c.want {
			t.Errorf("%+v: %v", c.k, got)
		}
	}
}

func TestReadSeries(t *testing.T) {
	for text, want := range map[string][]string{
		"a.patch\n# a comment\n\n b/c.patch # why\n": {"a.patch", "b/c.patch"},
		"../a.patch\n":   nil,
		"a.patch -p0\n":  nil,
		"/etc/a.patch\n": nil,
	} {
		file := filepath.Join(t.TempDir(), "series")
		writeFile(t, file, text)
		got, err := readSeries(file)
		if !slices.Equal(got, want) || (err == nil) != (want != nil) {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}

const realtimePatch = `--- a/Kconfig
+++ b/Kconfig
@@ -1,2 +1,3 @@
 one
+real time
 two
`

// The series is applied to all kinds of files, without fuzz.
func TestPatchRealtime(t *testing.T) {
	if _, err := exec.LookPath("patch"); err != nil {
		t.Skip("patch is not installed")
	}
	for source, want := range map[string]string{"one\ntwo\n": "one\nreal time\ntwo\n", "one\nTWO\n": ""} {
		dir := t.TempDir()
		writeFile(t, filepath.Join(dir, "source/Kconfig"), source)
		writeFile(t, filepath.Join(dir, "p/debian/patches-rt/1.patch"), realtimePatch)
		writeFile(t, filepath.Join(dir, "p/debian/patches-rt/series"), "1.patch\n")
		tarball := filepath.Join(dir, "linux_1.debian.tar.xz")
		if out, err := exec.Command("tar", "-cJf", tarball, "-C", filepath.Join(dir, "p"), "debian").CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		made := &Target{Dir: dir, Source: filepath.Join(dir, "source")}
		err := made.patchRealtime(t.Context(), tarball)
		got, _ := os.ReadFile(filepath.Join(made.Source, "Kconfig"))
		if want == "" {
			if fault.ClassOf(err) != fault.Environment || !strings.Contains(err.Error(), "1.patch does not apply") {
				t.Errorf("a patch with fuzz: %v", err)
			}
			continue
		}
		if err != nil || string(got) != want {
			t.Errorf("%q, %v", got, err)
		}
	}
}

func writeFile(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
