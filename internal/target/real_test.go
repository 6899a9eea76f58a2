package target

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kintsugi/internal/apt"
	"kintsugi/internal/testenv"
)

// realTarget is the newest Debian kernel, in the user's own store, where it
// stays for the next time.
func realTarget(t *testing.T) (*Store, *Target) {
	t.Helper()
	testenv.Kernel(t)
	s, err := DefaultStore()
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	target, err := s.AddDebian(t.Context(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s %s ready after %.1f s", target.Name, target.Version, time.Since(begin).Seconds())
	return s, target
}

func TestRealDebian(t *testing.T) {
	s, target := realTarget(t)
	again, err := s.AddDebian(t.Context(), target.Version, notMade(t))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(target, again); diff != "" {
		t.Errorf("added again it is another: %s", diff)
	}
	opened, err := s.Open(target.Name)
	if diff := cmp.Diff(target, opened); err != nil || diff != "" {
		t.Errorf("Open: %v %s", err, diff)
	}
	for _, part := range target.Parts() {
		if part.Bytes == 0 {
			t.Errorf("%s: nothing at %s", part.What, part.Path)
		}
	}
	if !strings.HasPrefix(target.Modules, target.Dir) {
		t.Errorf("modules at %q", target.Modules)
	}
	compareGenerated(t, target)
	buildModule(t, target)
	locateDownloaded(t, s, target)
}

// notMade fails the test if a step is reported by which a target is made.
func notMade(t *testing.T) Progress {
	return func(step string, _, _ int64) {
		if step != "package lists" {
			t.Errorf("step %s of a target that is there", step)
		}
	}
}

// locateDownloaded asks apt for packages that are already downloaded. apt must report their sizes
// and hashes anyway.
func locateDownloaded(t *testing.T, s *Store, target *Target) {
	t.Helper()
	a, unlock, err := s.lockApt(t.Context(), apt.Suites()[0])
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	var names []string
	for _, p := range target.Packages {
		names = append(names, p.Name+"="+p.Version)
	}
	got, err := a.Locate(t.Context(), names)
	if diff := cmp.Diff(target.Packages, got); err != nil || diff != "" {
		t.Errorf("locate: %v %s", err, diff)
	}
}

// compareGenerated wants the headers that were generated in the source to be
// the ones that Debian shipped.
func compareGenerated(t *testing.T, target *Target) {
	t.Helper()
	compared := 0
	for _, dir := range []string{"include/generated", "arch/x86/include/generated"} {
		err := filepath.WalkDir(filepath.Join(target.Headers, dir), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() || filepath.Ext(path) != ".h" {
				return err
			}
			rel, _ := filepath.Rel(target.Headers, path)
			switch entry.Name() {
			case "utsversion.h", "autoconf.h": // made while linking; has the names of the keys
				return nil
			}
			shipped, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if ours, err := os.ReadFile(filepath.Join(target.Source, rel)); err != nil || !bytes.Equal(shipped, ours) {
				t.Errorf("%s is not as shipped (%v)", rel, err)
			}
			compared++
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	if compared < 20 {
		t.Errorf("only %d generated headers to compare", compared)
	}
}

// buildModule compiles a module with the target's headers as a user would.
func buildModule(t *testing.T, target *Target) {
	t.Helper()
	dir := t.TempDir()
	put(t, filepath.Join(dir, "hello.c"), "#include <linux/module.h>\nMODULE_LICENSE(\"GPL\");\n")
	put(t, filepath.Join(dir, "Makefile"), "obj-m := hello.o\n")
	if out, err := exec.CommandContext(t.Context(), "make", "-C", target.Headers, "M="+dir, "modules").
		CombinedOutput(); err != nil {
		t.Fatalf("make: %v\n%s", err, out)
	}
	if err := checkModules(dir, target.Release); err != nil {
		t.Error(err)
	}
}

// A local target is made of the Debian one's parts: its source, which was
// built in, is not touched, and a process that was killed in the middle does
// not hinder the next.
func TestRealLocal(t *testing.T) {
	_, debian := realTarget(t)
	s := &Store{Dir: t.TempDir()}
	spec := LocalSpec{Name: "mine", Source: debian.Source, Config: debian.Config, Headers: debian.Headers,
		Image: debian.Image, Modules: debian.Modules}
	before := fingerprint(t, debian.Source)

	wrong := spec
	wrong.Name, wrong.Modules = "wrong", filepath.Dir(debian.Headers)
	_, err := s.AddLocal(t.Context(), wrong, nil)
	wantInput(t, err, "no modules", "a folder without modules")

	killInSource(t, s, spec)
	if list, err := s.List(); err != nil || len(list) != 0 {
		t.Errorf("after the kill: %v, %v", list, err)
	}
	made, err := s.AddLocal(t.Context(), spec, nil)
	if err != nil {
		t.Fatal(err)
	}
	compareGenerated(t, made)
	if made.Release != debian.Release || made.CC != debian.CC || made.Compiler != debian.Compiler {
		t.Errorf("made %+v of %+v", made, debian)
	}
	if diff := cmp.Diff(debian.MakeVars, made.MakeVars); diff != "" {
		t.Error(diff)
	}
	if _, err := s.AddLocal(t.Context(), spec, notMade(t)); err != nil {
		t.Errorf("adding what is there: %v", err)
	}
	other := spec
	other.Modules = ""
	_, err = s.AddLocal(t.Context(), other, nil)
	wantInput(t, err, "made from other files", "same name, other files")
	if after := fingerprint(t, debian.Source); after != before {
		t.Error("the given source tree was written to")
	}
	if err := s.Remove(t.Context(), "mine"); err != nil {
		t.Error(err)
	}
}

// killInSource adds spec in a child and kills it while the source is copied.
func killInSource(t *testing.T, s *Store, spec LocalSpec) {
	t.Helper()
	child, lines := startChild(t, childJob{Store: s, Name: spec.Name, Spec: spec})
	for lines.Scan() && lines.Text() != "source" {
		t.Log("child:", lines.Text())
	}
	copied := filepath.Join(s.targetDir(spec.Name), "source/arch")
	testenv.Await(t, "copied", func() bool { _, err := os.Stat(copied); return err == nil })
	_ = child.Process.Kill()
	if err := child.Wait(); err == nil {
		t.Error("the child was done before it was killed")
	}
}

// fingerprint hashes names, sizes and times of all that is in a tree.
func fingerprint(t *testing.T, root string) uint64 {
	t.Helper()
	hash := fnv.New64a()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			fmt.Fprintln(hash, path, info.Size(), info.Mode(), info.ModTime().UnixNano())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return hash.Sum64()
}

// The releases on offer are in order, the newest being the one that becomes a
// target by default.
func TestRealReleases(t *testing.T) {
	s, target := realTarget(t)
	releases, err := s.DebianReleases(t.Context(), "", nil)
	if err != nil || len(releases) == 0 {
		t.Fatalf("%v, %v", releases, err)
	}
	if last := releases[len(releases)-1]; last.Release != target.Release || last.Version != target.Version {
		t.Errorf("newest %+v, target %s %s", last, target.Release, target.Version)
	}
	for i, r := range releases[1:] {
		if apt.CompareVersions(releases[i].Version, r.Version) > 0 {
			t.Errorf("%s comes before %s", releases[i].Version, r.Version)
		}
	}
}
