package target

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sourceTree writes what makes a folder the source of a kernel.
func sourceTree(t *testing.T, dir string) {
	t.Helper()
	put(t, filepath.Join(dir, "Makefile"), "VERSION = 6\nPATCHLEVEL = 1\nSUBLEVEL = 7\n")
	put(t, filepath.Join(dir, "Kconfig"), "")
	put(t, filepath.Join(dir, "scripts/Makefile.build"), "")
	put(t, filepath.Join(dir, "fs/a.c"), "int a;\n")
}

// buildOutput writes what a build leaves in dir.
func buildOutput(t *testing.T, dir string) {
	t.Helper()
	for _, name := range []string{".config", bootImage, "vmlinux", "Module.symvers", "include/generated/utsrelease.h",
		"include/config/auto.conf", "arch/x86/include/generated/asm.h", "fs/a.o", "fs/b.ko", "scripts/basic/fixdep"} {
		put(t, filepath.Join(dir, name), "")
	}
	put(t, filepath.Join(dir, "modules.order"), "fs/b.ko\n")
}

func TestFromBuild(t *testing.T) {
	src, out := filepath.Join(t.TempDir(), "src"), t.TempDir()
	sourceTree(t, src)
	buildOutput(t, out)
	if err := os.Symlink(src, filepath.Join(out, "source")); err != nil {
		t.Fatal(err)
	}
	all := LocalSpec{Source: src, Config: out + "/.config", Headers: out, Image: out + "/" + bootImage, Modules: out}
	given := LocalSpec{Source: "s.tar", Config: "c", Headers: out, Image: "i", Modules: "m"}
	tests := []struct {
		name       string
		spec, want LocalSpec
	}{
		{"O=", LocalSpec{Headers: out}, all},
		{"O= and its source", LocalSpec{Source: src, Headers: out}, all},
		{"all given", given, given},
		{"not built", LocalSpec{Source: src}, LocalSpec{Source: src}},
		{"nothing", LocalSpec{}, LocalSpec{}},
	}
	for _, test := range tests {
		if test.spec.fromBuild(); test.spec != test.want {
			t.Errorf("%s: %s", test.name, cmp.Diff(test.want, test.spec))
		}
	}
	wantInput(t, (&LocalSpec{Source: src}).complete(), "--config is missing", "not built")

	buildOutput(t, src)
	_ = os.Remove(filepath.Join(src, bootImage))
	spec := LocalSpec{Source: src}
	spec.fromBuild()
	if want := (LocalSpec{Source: src, Config: src + "/.config", Headers: src, Image: src + "/vmlinux",
		Modules: src}); spec != want {
		t.Errorf("in-tree: %s", cmp.Diff(want, spec))
	}
}

// What a build leaves is not copied, neither from the tree nor from a folder
// in it that make O= built in, but for what only make mrproper knows.
func TestCopyBuiltSource(t *testing.T) {
	src, dest := t.TempDir(), filepath.Join(t.TempDir(), "copy")
	sourceTree(t, src)
	buildOutput(t, src)
	buildOutput(t, filepath.Join(src, "out"))
	put(t, filepath.Join(src, "out/Makefile"), "")
	if err := copySource(t.Context(), src, dest); err != nil {
		t.Fatal(err)
	}
	var got []string
	err := filepath.WalkDir(dest, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			rel, _ := filepath.Rel(dest, path)
			got = append(got, rel)
		}
		return err
	})
	want := []string{"Kconfig", "Makefile", "Module.symvers", "arch/x86/boot/bzImage", "arch/x86/include/generated/asm.h",
		"fs/a.c", "modules.order", "scripts/Makefile.build", "scripts/basic/fixdep"}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
}

func TestTakeModules(t *testing.T) {
	build := t.TempDir()
	buildOutput(t, build)
	put(t, filepath.Join(build, "net/c.ko"), "c")
	for _, order := range []string{"fs/b.ko\nnet/c.ko\n", "fs/b.o\nnet/c.o\n", "kernel/fs/b.ko\nkernel/net/c.ko"} {
		put(t, filepath.Join(build, "modules.order"), order)
		target := &Target{Dir: t.TempDir()}
		if err := target.takeModules(t.Context(), build); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(target.Modules, "kernel/net/c.ko"))
		if err != nil || string(text) != "c" {
			t.Errorf("%q: %q %v", order, text, err)
		}
		if size := modulesSize(build); size != 1 {
			t.Errorf("%d bytes of modules, want 1", size)
		}
	}
	for _, order := range []string{"../b.ko", "/etc/passwd", "kernel//b.ko"} {
		put(t, filepath.Join(build, "modules.order"), order)
		wantInput(t, (&Target{Dir: t.TempDir()}).takeModules(t.Context(), build), "is not the path of a module", order)
	}
	put(t, filepath.Join(build, "modules.order"), "fs/none.ko\n")
	wantInput(t, (&Target{Dir: t.TempDir()}).takeModules(t.Context(), build), "none.ko", "module that is not there")
	put(t, filepath.Join(build, "modules.order"), "")
	target := &Target{Dir: t.TempDir()}
	if err := target.takeModules(t.Context(), build); err != nil || target.Modules != "" {
		t.Errorf("no modules: %q %v", target.Modules, err)
	}
	installed := t.TempDir()
	put(t, filepath.Join(installed, "modules.order"), "fs/b.ko\n")
	if err := target.takeModules(t.Context(), installed); err != nil || target.Modules != installed {
		t.Errorf("installed modules: %q %v", target.Modules, err)
	}
}
