package target

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"kintsugi/internal/fault"
)

// installed is the root of a machine on which target, one of Debian's, runs.
func installed(t *testing.T, target *Target) string {
	t.Helper()
	root := t.TempDir()
	for _, name := range []string{"boot", "lib", "usr/src"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(filepath.Join(target.Dir, "root", name), filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	put(t, filepath.Join(root, "proc/version"), target.Banner+"\n")
	return root
}

// sharing is a store of its own with apt's lists and the packages of s.
func sharing(t *testing.T, s *Store) *Store {
	t.Helper()
	own := &Store{Dir: t.TempDir()}
	for _, dir := range []string{"apt", "packages"} {
		if err := os.Symlink(filepath.Join(s.Dir, dir), filepath.Join(own.Dir, dir)); err != nil {
			t.Fatal(err)
		}
	}
	return own
}

// The running kernel is the target that Debian's packages of it make.
func TestRealRunning(t *testing.T) {
	s, debian := realTarget(t)
	root, own := installed(t, debian), sharing(t, s)
	running, err := own.AddRunning(t.Context(), root, nil)
	if err != nil {
		t.Fatalf("%v %q", err, fault.Hints(err))
	}
	same := cmpopts.IgnoreFields(Target{}, "Origin", "Dir", "Source", "Headers", "Symvers", "Config", "Image", "Vmlinux",
		"Modules", "Packages", "Given")
	if diff := cmp.Diff(debian, running, same); diff != "" || running.Origin != Running {
		t.Errorf("origin %s; -debian +running:\n%s", running.Origin, diff)
	}
	if len(running.Packages) != 1 || running.Packages[0].Name != "linux-source-6.1" {
		t.Errorf("packages %v", running.Packages)
	}
	compareGenerated(t, running)
	if got, err := own.openDefault(debian.Banner); err != nil || got.Name != debian.Name {
		t.Errorf("by default: %v, %v", got, err)
	}

	again, err := own.AddRunning(t.Context(), root, nil)
	if diff := cmp.Diff(running, again); err != nil || diff != "" {
		t.Errorf("again: %v %s", err, diff)
	}
	put(t, filepath.Join(root, "proc/version"), debian.Banner+" again\n")
	_, err = own.AddRunning(t.Context(), root, nil)
	wantInput(t, err, "is another build", "another build of the release")
	own = sharing(t, s)
	_, err = own.AddRunning(t.Context(), root, nil)
	wantEnvironment(t, err, "the running kernel is not the installed one", "reboot")
}

func wantEnvironment(t *testing.T, err error, text, hint string) {
	t.Helper()
	if err == nil || fault.ClassOf(err) != fault.Environment || !strings.Contains(err.Error(), text) ||
		!strings.Contains(fmt.Sprint(fault.Hints(err)), hint) {
		t.Errorf("got %v %q, want an environment error with %q, %q", err, fault.Hints(err), text, hint)
	}
}

// What is not installed is named, with what to do. The image is real where
// there is one.
func TestRealRunningParts(t *testing.T) {
	_, debian := realTarget(t)
	id, err := parseBanner(debian.Banner)
	if err != nil {
		t.Fatal(err)
	}
	m := machine{installed(t, debian), id}
	spec, err := m.parts(debian.Banner)
	if err != nil {
		t.Fatal(err)
	}
	want := LocalSpec{Name: debian.Release, Image: m.root + "/boot/vmlinuz-" + debian.Release, Modules: m.root +
		"/lib/modules/" + debian.Release,
		Headers: m.root + "/usr/src/linux-headers-" + debian.Release, Config: m.root + "/usr/src/linux-headers-" +
			debian.Release + "/.config"}
	if spec != want {
		t.Error(cmp.Diff(want, spec))
	}
	_ = os.Remove(filepath.Join(m.root, "usr/src"))
	_, err = m.parts(debian.Banner)
	wantEnvironment(t, err, "headers of the running kernel", "apt-get install linux-headers-"+debian.Release)

	// The source that is installed, in the version that runs and in another.
	tarball := filepath.Join(m.root, "usr/src/linux-source-6.1.tar.xz")
	put(t, tarball, "")
	status := filepath.Join(m.root, "var/lib/dpkg/status")
	for version, want := range map[string]string{debian.Version: tarball, "6.1.1-1": ""} {
		put(t, status, "Package: bash\nStatus: install ok installed\nVersion: "+version+
			"\n\nPackage: linux-source-6.1\nStatus: install ok installed\nVersion: "+version+"\n")
		if got := m.installedSource(); got != want {
			t.Errorf("source of version %s: %q, want %q", version, got, want)
		}
	}
	put(t, status, "Package: linux-source-6.1\nStatus: deinstall ok config-files\nVersion: "+debian.Version+"\n")
	if got := m.installedSource(); got != "" {
		t.Errorf("source of a removed package: %q", got)
	}
}

func TestRunningRefuses(t *testing.T) {
	s, root := &Store{Dir: t.TempDir()}, t.TempDir()
	_, err := s.AddRunning(t.Context(), root, nil)
	wantEnvironment(t, err, "running kernel: ", "")
	put(t, filepath.Join(root, "proc/version"), "Minix 3\n")
	_, err = s.AddRunning(t.Context(), root, nil)
	wantInput(t, err, "unknown form", "no Linux")
	put(t, filepath.Join(root, "proc/version"), plainBanner+"\n")
	_, err = s.AddRunning(t.Context(), root, nil)
	wantEnvironment(t, err, "image of the running kernel 6.6.30 is not installed", "container")

	id, err := parseBanner(plainBanner)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = s.runningSource(t.Context(), machine{root, id}, LocalSpec{Config: "/boot/config-6.6.30"}, nil)
	wantEnvironment(t, err, "neither Debian's nor beside its headers", "--config /boot/config-6.6.30")
	_, err = s.AddLocal(t.Context(), LocalSpec{Name: Running}, nil)
	wantInput(t, err, "is reserved", "the name")
}

// A kernel that was built on the machine: make install and modules_install
// leave links to the build and its source.
func TestRunningLinks(t *testing.T) {
	root := t.TempDir()
	sourceTree(t, filepath.Join(root, "src"))
	buildOutput(t, filepath.Join(root, "home/build"))
	modules := filepath.Join(root, "lib/modules/6.6.30")
	if err := os.MkdirAll(modules, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, to := range map[string]string{"build": "/home/build", "source": "../../../src", "gone": "/nowhere"} {
		if err := os.Symlink(to, filepath.Join(modules, name)); err != nil {
			t.Fatal(err)
		}
	}
	m := machine{root: root, id: identity{Release: "6.6.30"}}
	if got, want := m.headers(modules), filepath.Join(root, "home/build"); got != want {
		t.Errorf("headers %q, want %q", got, want)
	}
	if got, want := m.follow(modules, "source"), filepath.Join(root, "src"); got != want {
		t.Errorf("source %q, want %q", got, want)
	}
	if got := m.follow(modules, "gone") + m.follow(modules, "none") + m.follow("", "build"); got != "" {
		t.Errorf("links that lead nowhere: %q", got)
	}
}
