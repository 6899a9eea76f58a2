package target

import (
	"archive/tar"
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kintsugi/internal/fault"
)

// tarball writes a small source archive and, behind it, more.
func tarball(t *testing.T, more ...tar.Header) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	headers := []tar.Header{{Name: "linux/"}, {Name: "linux/Makefile"}, {Name: "linux/Kconfig"}, {Name: "linux/scripts/x"}}
	for _, h := range append(headers, more...) {
		h.Mode = 0o755
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "linux.tar")
	put(t, path, b.String())
	return path
}

func link(name, to string) tar.Header {
	return tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: to}
}

func TestUnpackSource(t *testing.T) {
	tree := filepath.Join(t.TempDir(), "source")
	if err := unpackSource(t.Context(), tarball(t, link("linux/scripts/l", "../Kconfig")), tree); err != nil {
		t.Fatal(err)
	}
	if !isSource(tree) {
		t.Error("no source there")
	}
	for name, more := range map[string][]tar.Header{
		"up":            {{Name: "../../escaped"}},
		"link out":      {link("linux/l", "../../../escaped")},
		"absolute link": {link("linux/l", "/etc/passwd")},
		"by a link":     {link("linux/l", "../.."), {Name: "linux/l/escaped"}},
		"by two links":  {link("linux/a", "."), link("linux/b", "a/../..")},
		"hard link":     {{Name: "linux/h", Typeflag: tar.TypeLink, Linkname: "/etc/passwd"}},
		"fifo":          {{Name: "linux/f", Typeflag: tar.TypeFifo}},
	} {
		dir := t.TempDir()
		tree := filepath.Join(dir, "a/b/source")
		if err := os.MkdirAll(filepath.Dir(tree), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := unpackSource(t.Context(), tarball(t, more...), tree); fault.ClassOf(err) != fault.Input {
			t.Errorf("%s: %v, want an input error", name, err)
		}
		for _, place := range []string{"escaped", "a/escaped", "a/b/escaped"} {
			if _, err := os.Lstat(filepath.Join(dir, place)); err == nil {
				t.Errorf("%s: wrote outside of the tree", name)
			}
		}
	}
}

func TestUnpackNoSource(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "text.tar.xz"), "no archive")
	for _, path := range []string{filepath.Join(dir, "text.tar.xz"), filepath.Join(dir, "missing.tar")} {
		err := unpackSource(t.Context(), path, filepath.Join(t.TempDir(), "source"))
		wantInput(t, err, "unpack", path)
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: "hello/hello.c", Mode: 0o644}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "hello.tar"), b.String())
	wantInput(t, unpackSource(t.Context(), filepath.Join(dir, "hello.tar"), filepath.Join(dir, "source")),
		"not the source of a kernel", "other archive")
}

func TestStaysInside(t *testing.T) {
	for _, c := range []struct {
		rel, link string
		want      bool
	}{
		{"a", "b", true}, {"a", "./b", true}, {"a", "..", false}, {"a/b", "..", true}, {"a/b", "../..", false},
		{"a/b/c", "../../../x", false},
		{"scripts/dtc/include-prefixes/arm", "../../../arch/arm/boot/dts", true}, {"a/b", "c/../../..", false},
		{"a/b", "c/../d", false},
		{"a", "/etc", false}, {"a", "", false}, {"a/b", ".././/../x", false},
	} {
		if got := staysInside(c.rel, c.link); got != c.want {
			t.Errorf("staysInside(%q, %q) = %v", c.rel, c.link, got)
		}
	}
}

func TestCopySource(t *testing.T) {
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "copy")
	for _, name := range []string{"Makefile", "Kconfig", "kernel/fork.c", "include/asm-generic/vmlinux.lds.h",
		"arch/x86/kernel/vmlinux.lds.S", "include/linux/fs.h",
		".git/config", ".config", "vmlinux", "kernel/fork.o", "kernel/.fork.o.cmd", "drivers/x.ko",
		"include/generated/autoconf.h", "include/config/auto.conf", ".tmp_vmlinux1"} {
		put(t, filepath.Join(from, name), name)
	}
	if err := os.MkdirAll(filepath.Join(from, "scripts"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, to := range map[string]string{"scripts/in": "../kernel", "scripts/out": "/etc"} {
		if err := os.Symlink(to, filepath.Join(from, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Join(from, "kernel/fork.c"), 0o555); err != nil {
		t.Fatal(err)
	}
	if err := copySource(t.Context(), from, to); err != nil {
		t.Fatal(err)
	}
	var got []string
	err := filepath.WalkDir(to, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			got = append(got, strings.TrimPrefix(path, to+"/"))
		}
		return err
	})
	want := []string{"Kconfig", "Makefile", "arch/x86/kernel/vmlinux.lds.S", "include/asm-generic/vmlinux.lds.h",
		"include/linux/fs.h", "kernel/fork.c", "scripts/in"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("copied %q, want %q", got, want)
	}
	if info, err := os.Stat(filepath.Join(to, "kernel/fork.c")); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("mode %v, %v: writable by us, and executable as it was", info.Mode(), err)
	}
	wantInput(t, copySource(t.Context(), t.TempDir(), filepath.Join(t.TempDir(), "copy")), "not the source of a kernel",
		"empty folder")
}

func TestContains(t *testing.T) {
	big := strings.Repeat("x", 1<<20-3) + "needle" + strings.Repeat("y", 100)
	for _, c := range []struct {
		text string
		want bool
	}{{big, true}, {"needle", true}, {"need", false}, {"", false}, {strings.ReplaceAll(big, "needle", "needl"), false}} {
		if got, err := contains(io.MultiReader(strings.NewReader(c.text)), []byte("needle")); err != nil || got != c.want {
			t.Errorf("contains(%d bytes) = %v, %v", len(c.text), got, err)
		}
	}
}

func TestLocalSpec(t *testing.T) {
	s := &Store{Dir: t.TempDir()}
	dir := t.TempDir()
	sourceTree(t, dir)
	put(t, filepath.Join(dir, "config"), "CONFIG_X86_64=y\n")
	put(t, filepath.Join(dir, "image"), "no image")
	add := func(spec LocalSpec) error {
		_, err := s.AddLocal(context.Background(), spec, nil)
		return err
	}
	spec := LocalSpec{Name: "x", Source: dir, Config: filepath.Join(dir, "config"), Headers: dir,
		Image: filepath.Join(dir, "image")}
	wantInput(t, add(spec), "CONFIG_LIVEPATCH is not set", "livepatch off")
	bad := spec
	bad.Name = "debian:x"
	wantInput(t, add(bad), "is reserved", "debian's name")
	bad = spec
	bad.Source = t.TempDir()
	put(t, filepath.Join(bad.Source, "Makefile"), "obj-m := hello.o\n")
	err := add(bad)
	wantInput(t, err, "is not the source of a kernel", "a module of its own")
	if hints := strings.Join(fault.Hints(err), "\n"); !strings.Contains(hints, "out-of-tree modules are not supported") {
		t.Errorf("hints %q", hints)
	}
	bad = spec
	bad.Image = ""
	wantInput(t, add(bad), "--image is missing", "no image")
	bad = spec
	bad.Headers = filepath.Join(dir, "nowhere")
	wantInput(t, add(bad), "--headers", "no headers")
	bad = spec
	bad.Config = bad.Image
	wantInput(t, add(bad), "configuration: line 1", "config is no config")
	if list, err := s.List(); err != nil || len(list) != 0 {
		t.Errorf("left behind: %v, %v", list, err)
	}
}
