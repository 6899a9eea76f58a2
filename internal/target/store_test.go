package target

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kintsugi/internal/disk"
	"kintsugi/internal/fault"
	"kintsugi/internal/toolchain"
)

// addFake puts a finished target into s without its files, but for headers.
func addFake(t *testing.T, s *Store, name, release string, packages ...Package) *Target {
	t.Helper()
	dir := s.targetDir(name)
	headers := filepath.Join(dir, "root/headers")
	put(t, filepath.Join(headers, "include/generated/utsrelease.h"), "#define UTS_RELEASE \""+release+"\"\n")
	put(t, filepath.Join(headers, "Module.symvers"), "")
	target := &Target{Name: name, Dir: dir, Release: release, Headers: headers, Source: filepath.Join(dir, "source"),
		Modules: "/lib/modules/" + release, Packages: packages}
	var err error
	if target.HeadersSum, err = hashHeaders(headers); err != nil {
		t.Fatal(err)
	}
	if err := target.save(); err != nil {
		t.Fatal(err)
	}
	return target
}

// rebanner saves target as one of another build.
func (t *Target) rebanner(tt *testing.T, banner, origin string) {
	tt.Helper()
	t.Banner, t.Origin = banner, origin
	if err := t.save(); err != nil {
		tt.Fatal(err)
	}
}

func TestOpen(t *testing.T) {
	s := &Store{Dir: t.TempDir()}
	_, err := s.Open("")
	wantInput(t, err, "no target was added", "empty store")
	addFake(t, s, "one", "6.1.0-1-amd64")
	if target, err := s.Open(""); err != nil || target.Name != "one" {
		t.Errorf("the only one: %v, %v", target, err)
	}
	addFake(t, s, "two", "6.1.0-2-amd64")
	_, err = s.Open("")
	wantInput(t, err, "one, two", "two targets")
	_, err = s.Open("three")
	wantInput(t, err, "three", "unknown target")
	if hints := fault.Hints(err); len(hints) != 1 || !strings.Contains(hints[0], "one, two") {
		t.Errorf("hints %q", hints)
	}
	for _, bad := range []string{"../one", ".", "a/b", "one.lock", "-t", strings.Repeat("x", 101)} {
		_, err = s.Open(bad)
		wantInput(t, err, "not a target's name", bad)
	}
	banner := "Linux version 6.1.0-2-amd64 (b@h) (gcc) #2 SMP"
	addFake(t, s, "again", "6.1.0-2-amd64").rebanner(t, banner, "local")
	if target, err := s.openDefault(banner); err != nil || target.Name != "again" {
		t.Errorf("the running kernel: %v, %v", target, err)
	}
	addFake(t, s, "again", "6.1.0-2-amd64").rebanner(t, banner, adHoc)
	_, err = s.openDefault(banner)
	wantInput(t, err, "none is the running kernel: one, two", "ad hoc targets")
	target, err := s.Open("two")
	if err != nil {
		t.Fatal(err)
	}
	if target.Source != filepath.Join(s.Dir, "targets/two/source") || target.Modules != "/lib/modules/6.1.0-2-amd64" {
		t.Errorf("paths %q, %q", target.Source, target.Modules)
	}
}

func TestHalfMade(t *testing.T) {
	s := &Store{Dir: t.TempDir()}
	put(t, filepath.Join(s.targetDir("half"), "source/Makefile"), "")
	if list, err := s.List(); err != nil || len(list) != 0 {
		t.Errorf("List: %v, %v", list, err)
	}
	_, err := s.Open("half")
	wantInput(t, err, "no target", "half")
	made, err := s.create(t.Context(), "half", nil, func(target *Target) error {
		if _, err := os.Stat(target.Source); err == nil {
			t.Error("the half-made source is still there")
		}
		return nil
	})
	if err != nil || made.Name != "half" {
		t.Errorf("create: %v, %v", made, err)
	}
	put(t, filepath.Join(s.targetDir("other"), "x"), "")
	if err := s.Remove(t.Context(), "other"); err != nil {
		t.Error(err)
	}
}

func TestCreateFails(t *testing.T) {
	s := &Store{Dir: t.TempDir()}
	broken := errors.New("broken")
	_, err := s.create(t.Context(), "x", nil, func(target *Target) error {
		put(t, filepath.Join(target.Source, "Makefile"), "")
		return broken
	})
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(s.targetDir("x")); err == nil {
		t.Error("something half made is left")
	}
	spaced := &Store{Dir: filepath.Join(t.TempDir(), "a b")}
	if _, err := spaced.create(t.Context(), "x", nil, nil); fault.ClassOf(err) != fault.Environment {
		t.Errorf("a path that make cannot take: %v", err)
	}
}

func TestForeignFormat(t *testing.T) {
	s := &Store{Dir: t.TempDir()}
	addFake(t, s, "x", "6.1.0-1-amd64")
	put(t, filepath.Join(s.targetDir("x"), metaFile), `{"format":99,"name":"x"}`)
	_, err := s.Open("x")
	if fault.ClassOf(err) != fault.Environment || len(fault.Hints(err)) == 0 {
		t.Errorf("got %v", err)
	}
	put(t, filepath.Join(s.targetDir("x"), metaFile), `{"format":1,"name":`)
	if _, err := s.Open("x"); fault.ClassOf(err) != fault.Environment {
		t.Errorf("got %v", err)
	}
	if err := s.Remove(t.Context(), "x"); err != nil {
		t.Error(err)
	}
}

func TestRemoveKeepsSharedPackages(t *testing.T) {
	s := &Store{Dir: t.TempDir()}
	mine, shared := Package{File: "mine.deb"}, Package{File: "shared.deb"}
	for _, p := range []Package{mine, shared} {
		put(t, filepath.Join(s.packagesDir(), p.File), "")
	}
	addFake(t, s, "one", "6.1.0-1-amd64", mine, shared)
	addFake(t, s, "two", "6.1.0-2-amd64", shared)
	if err := s.Remove(t.Context(), "one"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(s.packagesDir(), "mine.deb")); err == nil {
		t.Error("the removed target's package is left")
	}
	if _, err := os.Stat(filepath.Join(s.packagesDir(), "shared.deb")); err != nil {
		t.Error("another target's package is gone")
	}
	wantInput(t, s.Remove(t.Context(), "one"), "no target", "removed twice")
}

func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "locks/x.lock")
	unlock, err := disk.Lock(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
	defer cancel()
	if _, err := disk.Lock(ctx, path); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("locked twice: %v", err)
	}
	unlock()
	unlock()
	again, err := disk.Lock(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	again()
}

func TestDefaultStore(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", "/var/cache/me")
	t.Setenv("KINTSUGI_CACHE", "")
	if s, err := DefaultStore(); err != nil || s.Dir != "/var/cache/me/kintsugi" {
		t.Errorf("%v, %v", s, err)
	}
	t.Setenv("KINTSUGI_CACHE", "/big/disk")
	if s, err := DefaultStore(); err != nil || s.Dir != "/big/disk" {
		t.Errorf("%v, %v", s, err)
	}
}

// TestLoadOlder: a target that was made before targets had toolchains uses the
// host's.
func TestLoadOlder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "old")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, metaFile), []byte(`{"format":1,"name":"old","cc":"gcc-12"}`),
		0o644); err != nil {
		t.Fatal(err)
	}
	got, err := load(dir)
	if err != nil || got.Toolchain == nil || got.Toolchain.Kind != toolchain.Host {
		t.Fatalf("%+v, %v", got, err)
	}
}
