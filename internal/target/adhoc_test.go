package target

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"kintsugi/internal/disk"
)

// The hash in the name of an ad hoc target covers everything that the target is made from, and
// nothing that a build creates.
func TestAdHocSum(t *testing.T) {
	src := t.TempDir()
	sourceTree(t, src)
	buildOutput(t, src)
	buildOutput(t, filepath.Join(src, "out"))
	sum := func() string {
		t.Helper()
		spec := LocalSpec{Source: src}
		if err := spec.complete(); err != nil {
			t.Fatal(err)
		}
		sum, err := spec.sum(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	before := sum()
	put(t, filepath.Join(src, "fs/a.o"), "other")
	put(t, filepath.Join(src, "fs/new.ko"), "other")
	put(t, filepath.Join(src, "out/fs/b.c"), "other")
	if sum() != before {
		t.Error("the sum depends on what was built")
	}
	for _, name := range []string{"fs/a.c", ".config", bootImage, "Module.symvers", "fs/new.c"} {
		last := sum()
		put(t, filepath.Join(src, name), "changed "+name)
		if sum() == last {
			t.Errorf("the sum does not depend on %s", name)
		}
	}
	last := sum()
	if err := os.Chtimes(filepath.Join(src, "fs/a.c"), time.Time{}, time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if sum() == last {
		t.Error("the sum does not depend on the time of a file")
	}
}

// The folder that an image was built in is that of the headers.
func TestBesideImage(t *testing.T) {
	src, out := t.TempDir(), t.TempDir()
	sourceTree(t, src)
	buildOutput(t, out)
	for _, image := range []string{out + "/vmlinux", out + "/" + bootImage} {
		spec := LocalSpec{Source: src, Image: image}
		if err := spec.besideImage(); err != nil || spec.Headers != out {
			t.Errorf("%s: headers %q, %v", image, spec.Headers, err)
		}
	}
	t.Chdir(out)
	spec := LocalSpec{Image: bootImage}
	if err := spec.besideImage(); err != nil || spec.Headers != out {
		t.Errorf("relative: headers %q, %v", spec.Headers, err)
	}
	copied := filepath.Join(t.TempDir(), "vmlinux")
	put(t, copied, "\x7fELF")
	wantInput(t, (&LocalSpec{Source: src, Image: copied}).besideImage(), "ELF", "no image")
	buildOutput(t, src)
	spec = LocalSpec{Source: src, Image: copied}
	if err := spec.besideImage(); err != nil || spec.Headers != src {
		t.Errorf("image of another folder: headers %q, %v", spec.Headers, err)
	}
}

// For a vmlinux, what QEMU boots is the bzImage of the same build, if it is
// there and is that.
func TestRealVmlinux(t *testing.T) {
	_, debian := realTarget(t)
	given := filepath.Join(t.TempDir(), "vmlinux")
	try := func(banner string) *Target {
		t.Helper()
		dir := t.TempDir()
		target := &Target{Dir: dir, Banner: banner, Image: filepath.Join(dir, "vmlinuz"),
			Vmlinux: filepath.Join(dir, "vmlinux")}
		put(t, target.Image, "")
		put(t, target.Vmlinux, "")
		if err := target.takeVmlinux(given); err != nil {
			t.Fatal(err)
		}
		return target
	}
	if target := try(debian.Banner); target.Image != target.Vmlinux || target.DebugVmlinux != "" {
		t.Errorf("without a bzImage: image %s, debug vmlinux %q", target.Image, target.DebugVmlinux)
	}
	boot := filepath.Join(filepath.Dir(given), bootImage)
	if err := os.MkdirAll(filepath.Dir(boot), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(debian.Image, boot); err != nil {
		t.Fatal(err)
	}
	if target := try(debian.Banner + " again"); target.Image != target.Vmlinux {
		t.Errorf("another build's bzImage was taken")
	}
	target := try(debian.Banner)
	if target.Image == target.Vmlinux || disk.Usage(target.Image) != disk.Usage(debian.Image) {
		t.Errorf("image %s of %d bytes", target.Image, disk.Usage(target.Image))
	}
}
