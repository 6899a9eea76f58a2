package kofile

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"kintsugi/internal/fault"
)

// packers are the programs that scripts/Makefile.modinst runs.
var packers = map[string][]string{
	"":     {"cat"},
	".xz":  {"xz", "--check=crc32", "--lzma2=dict=2MiB", "-c"},
	".zst": {"zstd", "-q", "-T0", "-c"},
	".gz":  {"gzip", "-n", "-c"},
}

func TestRead(t *testing.T) {
	want := make([]byte, 300000)
	_, _ = rand.Read(want[:1000]) // the rest is zero and packs well
	copy(want, "\x7fELF")
	for suffix, packer := range packers {
		t.Run(packer[0], func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.ko"+suffix)
			pack(t, packer, want, path)
			got, err := Read(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%d bytes, want %d, or other ones", len(got), len(want))
			}
			if suffix != "" {
				refuseCut(t, path)
			}
		})
	}
}

func pack(t *testing.T, packer []string, data []byte, path string) {
	t.Helper()
	if _, err := exec.LookPath(packer[0]); err != nil {
		t.Skipf("%s is not installed", packer[0])
	}
	cmd := exec.CommandContext(t.Context(), packer[0], packer[1:]...)
	cmd.Stdin = bytes.NewReader(data)
	packed, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, packed, 0o644); err != nil {
		t.Fatal(err)
	}
}

// refuseCut shortens a packed module.
func refuseCut(t *testing.T, path string) {
	t.Helper()
	packed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, keep := range []int{7, len(packed) / 2, len(packed) - 1} {
		if _, err := Unpack(bytes.NewReader(packed[:keep])); err == nil {
			t.Errorf("%d of %d bytes were taken for a whole module", keep, len(packed))
		}
	}
}

func TestReadRefuses(t *testing.T) {
	_, err := Read(filepath.Join(t.TempDir(), "none.ko"))
	if !errors.Is(err, fs.ErrNotExist) || fault.ClassOf(err) != fault.Input {
		t.Errorf("no file: %v", err)
	}
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	zeroes := make([]byte, 1<<20)
	for range maxSize>>20 + 1 {
		_, _ = z.Write(zeroes)
	}
	_ = z.Close()
	if _, err := Unpack(&bomb); err == nil {
		t.Error("a module above the limit was read")
	}
}

func TestName(t *testing.T) {
	for path, want := range map[string]string{
		"kernel/sound/pci/hda/snd-hda-intel.ko.xz": "snd_hda_intel",
		"a.ko": "a", "b.ko.zst": "b", "c-d.ko.gz": "c_d", ".ko": "", "x.ko.bz2": "", "x.o": "", "x.kobold": "",
	} {
		if Is(path) != (want != "") {
			t.Errorf("Is(%q) = %v", path, Is(path))
		}
		if want != "" && Name(path) != want {
			t.Errorf("Name(%q) = %q, want %q", path, Name(path), want)
		}
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add([]byte("\x7fELF"))
	f.Add([]byte("\xfd7zXZ\x00"))
	f.Add([]byte("\x28\xb5\x2f\xfd"))
	f.Add([]byte("\x1f\x8b"))
	f.Fuzz(func(t *testing.T, data []byte) {
		out, err := Unpack(bytes.NewReader(data))
		if err == nil && len(out) > maxSize {
			t.Errorf("%d bytes", len(out))
		}
	})
}
