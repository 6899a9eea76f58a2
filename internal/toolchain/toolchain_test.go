package toolchain

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kintsugi/internal/apt"
	"kintsugi/internal/fault"
)

func TestParseSpec(t *testing.T) {
	dir := t.TempDir()
	for text, want := range map[string]Spec{
		"":              {},
		"host":          {Kind: Host},
		"debian:trixie": {Kind: Debian, Suite: "trixie"},
		dir:             {Kind: Folder, Root: dir},
	} {
		if got, err := ParseSpec(text); got != want || err != nil {
			t.Errorf("%q: %+v, %v; want %+v", text, got, err, want)
		}
	}
	if _, err := ParseSpec("debian:potato"); fault.ClassOf(err) != fault.Input {
		t.Errorf("a suite that is too old: %v", err)
	}
}

func TestCompilerPackage(t *testing.T) {
	for _, c := range []struct {
		need          Need
		name, version string
	}{
		{Need{CC: "gcc-12", Text: "gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0"}, "gcc-12", "12.2.0-14+deb12u1"},
		{Need{CC: "x86_64-linux-gnu-gcc-14", Text: "x86_64-linux-gnu-gcc-14 (Debian 14.2.0-19) 14.2.0"}, "gcc-14",
			"14.2.0-19"},
		{Need{CC: "gcc", Text: "gcc (Debian 12.2.0-14) 12.2.0"}, "gcc-12", "12.2.0-14"},
		{Need{CC: "gcc", Text: "gcc (GCC) 13.1.1 20230614 (Red Hat 13.1.1-4)"}, "gcc-13", ""},
	} {
		if name, version := c.need.CompilerPackage("x86_64-linux-gnu"); name != c.name || version != c.version {
			t.Errorf("%+v: %s %s", c.need, name, version)
		}
	}
}

// A toolchain without a description is half made.
func TestStore(t *testing.T) {
	s := &Store{Dir: t.TempDir()}
	made := &Toolchain{Name: "trixie-1", Kind: Debian, Suite: "trixie",
		Packages: []apt.Package{{Name: "gcc-14", Version: "14.2.0-19"}}}
	for _, name := range []string{"trixie-1", "half"} {
		if err := os.MkdirAll(filepath.Join(s.Dir, name, "root"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.save(made); err != nil {
		t.Fatal(err)
	}
	made.Root = filepath.Join(s.Dir, "trixie-1/root")
	list, err := s.List()
	if diff := cmp.Diff([]*Toolchain{made}, list); diff != "" || err != nil {
		t.Error(err, diff)
	}
	if found := s.Find("trixie", "gcc-14", "14.2.0-19"); found == nil || found.Name != "trixie-1" {
		t.Errorf("found %v", found)
	}
	if found := s.Find("trixie", "gcc-14", "14.2.0-20"); found != nil {
		t.Errorf("found another version in %v", found)
	}
	if _, err := s.Open("half"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a half-made toolchain: %v", err)
	}
	for _, name := range []string{"", "..", "a/b", ".hidden"} {
		if _, err := s.Open(name); fault.ClassOf(err) != fault.Input {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"half", "trixie-1"} {
		if err := s.Remove(t.Context(), name); err != nil {
			t.Error(err)
		}
	}
	if err := s.Remove(t.Context(), "trixie-1"); fault.ClassOf(err) != fault.Input {
		t.Errorf("removed twice: %v", err)
	}
}

func TestStoreUnreadable(t *testing.T) {
	s := &Store{Dir: t.TempDir()}
	if err := os.Mkdir(filepath.Join(s.Dir, "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.metaFile("x"), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := s.List(); fault.ClassOf(err) != fault.Environment {
		t.Errorf("a broken description: %v", err)
	}
}

// The root has what maintainer scripts would make, and no program gets rights that its
// user lacks.
func TestUnpack(t *testing.T) {
	if _, err := exec.LookPath("dpkg-deb"); err != nil {
		t.Skip("dpkg-deb is not installed")
	}
	s := &Store{Dir: t.TempDir(), Packages: t.TempDir()}
	tree := t.TempDir()
	for name, mode := range map[string]os.FileMode{"bin/tool": os.ModeSetuid | 0o755, "usr/bin/mawk": 0o755,
		"usr/share/doc/x/README": 0o644,
		"DEBIAN/postinst":        0o755} {
		file := filepath.Join(tree, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte("#!/bin/sh\ntouch "+s.Dir+"/ran\n"), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
	}
	control := "Package: x\nVersion: 1\nArchitecture: all\nMaintainer: nobody <x@y>\nDescription: x\n"
	if err := os.WriteFile(filepath.Join(tree, "DEBIAN/control"), []byte(control), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("dpkg-deb", "--build", "--root-owner-group", tree,
		filepath.Join(s.Packages, "x.deb")).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	made := &Toolchain{Name: "x", Kind: Debian, Packages: []apt.Package{{Name: "x", File: "x.deb"}}}
	if err := s.unpack(t.Context(), made); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"usr/bin/tool": true, "bin/tool": true, "usr/bin/awk": true,
		"usr/share/doc/x/README": false, "../../ran": false} {
		if _, err := os.Stat(filepath.Join(made.Root, name)); (err == nil) != want {
			t.Errorf("%s: %v, want it there: %v", name, err, want)
		}
	}
	if info, err := os.Stat(filepath.Join(made.Root, "bin/tool")); err != nil || info.Mode()&os.ModeSetuid != 0 {
		t.Errorf("%v, %v: set-user-ID", info.Mode(), err)
	}
}
