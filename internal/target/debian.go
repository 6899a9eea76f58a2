package target

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"golang.org/x/sync/errgroup"

	"kintsugi/internal/fault"
	"kintsugi/internal/target/prepare"
)

// debianNeed is the disk space of a Debian target beside its packages, in
// bytes: 1.3 GB of source, 0.5 GB of modules, headers and kernel.
const debianNeed = 2500 << 20

// AddDebian makes a target of a kernel that Debian offers, named by its
// release: the newest of the distribution's own series, or the newest that
// release names (6.1, 6.1.0-56, 6.1.0-56-amd64, 6.12.117+deb12, 6.1.192-2).
// Where the target is there already it is returned.
func (s *Store) AddDebian(ctx context.Context, release string, progress Progress) (*Target, error) {
	if t := s.added(release); t != nil {
		return t, nil
	}
	a, unlock, err := s.lockApt(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	k, err := findKernel(ctx, a, release, progress)
	if err != nil {
		return nil, err
	}
	same := func(t *Target) error {
		if (t.Origin == "debian" || t.Origin == Running) && t.Version == k.Version {
			return nil
		}
		return fault.Inputf("target %s is there and of version %s, not %s", t.Name, t.Version, k.Version).
			Hint("kintsugi target rm %s", t.Name)
	}
	return s.create(ctx, k.Release, same, func(t *Target) error {
		t.Origin, t.Version = "debian", k.Version
		if err := s.fetchDebian(ctx, t, a, k, progress); err != nil {
			return err
		}
		unlock() // the rest has nothing to do with apt
		return t.fillDebian(ctx, s.packagesDir(), k, progress)
	})
}

// added returns the Debian target that release names in full: then there is
// nothing to ask apt for.
func (s *Store) added(release string) *Target {
	for _, name := range []string{release, release + "-" + flavour} {
		if nameRule.MatchString(name) {
			if t, err := load(s.targetDir(name)); err == nil && t.Origin == "debian" {
				return t
			}
		}
	}
	return nil
}

// lockApt waits for other processes that use the store's apt folders.
func (s *Store) lockApt(ctx context.Context) (*apt, func(), error) {
	unlock, err := lock(ctx, filepath.Join(s.aptDir(), "lock"))
	if err != nil {
		return nil, nil, err
	}
	a, err := newApt(s.aptDir(), s.packagesDir())
	if err != nil {
		unlock()
		return nil, nil, err
	}
	return a, unlock, nil
}

// findKernel looks in the lists that are there, and in new ones where those
// are old or do not have it.
func findKernel(ctx context.Context, a *apt, release string, progress Progress) (kernel, error) {
	progress.step("package lists")
	if err := a.update(ctx, listsFresh); err != nil {
		return kernel{}, err
	}
	k, err := a.find(ctx, release)
	if err == nil {
		return k, nil
	}
	if err := a.update(ctx, 0); err != nil {
		return kernel{}, err
	}
	return a.find(ctx, release)
}

func (a *apt) find(ctx context.Context, release string) (kernel, error) {
	kernels, series, err := a.kernels(ctx)
	if err != nil {
		return kernel{}, err
	}
	return choose(kernels, series, release)
}

// fetchDebian downloads k's packages. What this machine lacks to make a target
// of them is said before.
func (s *Store) fetchDebian(ctx context.Context, t *Target, a *apt, k kernel, progress Progress) error {
	headers, err := a.show(ctx, "linux-headers-"+k.Release+"="+k.Version)
	if err != nil {
		return err
	}
	if len(headers) == 0 {
		return fault.Inputf("linux-headers-%s=%s is no longer offered", k.Release, k.Version)
	}
	if cc := debianCC(headers[0]); cc != "" {
		if err := prepare.CheckTools(ctx, cc); err != nil {
			return err
		}
	}
	if err := s.checkSpace(debianNeed); err != nil {
		return err
	}
	names, err := k.packageNames(headers[0])
	if err != nil {
		return err
	}
	if t.Packages, err = a.locate(ctx, names); err != nil {
		return err
	}
	return a.download(ctx, t.Packages, progress)
}

// debianCC is the compiler that a headers package depends on, by itself
// (gcc-12) or by a package of its own (linux-compiler-gcc-12-x86).
func debianCC(headers record) string {
	for _, name := range dependencies(headers["Depends"]) {
		if m := gccPackage.FindStringSubmatch(name); m != nil {
			return m[1]
		}
	}
	return ""
}

var gccPackage = regexp.MustCompile(`^(?:linux-compiler-)?(gcc-[0-9]+)(?:-x86|-for-host)?$`)

// fillDebian makes t of the downloaded packages.
func (t *Target) fillDebian(ctx context.Context, packages string, k kernel, progress Progress) error {
	id, err := t.unpackDebian(ctx, packages, k, progress)
	if err != nil {
		return err
	}
	if have := id.debianVersion(); have != "" && have != k.Version {
		return fault.Environmentf("the image of %s was built from version %s, its package says %s", k.Release, have, k.Version)
	}
	if err := t.checkParts(id); err != nil {
		return err
	}
	return t.prepare(ctx, progress)
}

// unpackDebian unpacks the source beside all else: it takes longest.
func (t *Target) unpackDebian(ctx context.Context, packages string, k kernel, progress Progress) (identity, error) {
	progress.step("unpack")
	var id identity
	group, ctx := errgroup.WithContext(ctx)
	var files []string
	for _, p := range t.Packages {
		file := filepath.Join(packages, p.File)
		if sourceName.MatchString(p.Name) {
			group.Go(func() error { return t.unpackSourcePackage(ctx, file) })
			continue
		}
		files = append(files, file)
	}
	group.Go(func() error {
		for _, file := range files {
			if err := unpackPackage(ctx, file, filepath.Join(t.Dir, "root")); err != nil {
				return err
			}
		}
		if err := t.locateDebian(k.Release); err != nil {
			return err
		}
		if err := t.readConfig(ctx); err != nil {
			return err
		}
		var err error
		id, err = t.readImage()
		return err
	})
	return id, group.Wait()
}

// unpackSourcePackage unpacks linux-source-SERIES, which contains a tarball.
func (t *Target) unpackSourcePackage(ctx context.Context, file string) error {
	temp := filepath.Join(t.Dir, "source.package")
	if err := unpackPackage(ctx, file, temp); err != nil {
		return err
	}
	tarballs, err := filepath.Glob(filepath.Join(temp, "usr/src/linux-source-*.tar.*"))
	if err != nil || len(tarballs) != 1 {
		return fault.Environmentf("%s: want one tarball in it, found %d", filepath.Base(file), len(tarballs))
	}
	if err := unpackSource(ctx, tarballs[0], t.Source); err != nil {
		return err
	}
	return environment(os.RemoveAll(temp))
}

// locateDebian says where the parts are in the unpacked packages and makes
// the headers work there.
func (t *Target) locateDebian(release string) error {
	root := filepath.Join(t.Dir, "root")
	t.Headers = filepath.Join(root, "usr/src/linux-headers-"+release)
	t.Image = filepath.Join(root, "boot/vmlinuz-"+release)
	t.Modules = filepath.Join(root, "lib/modules", release)
	if _, err := os.Stat(t.Modules); errors.Is(err, fs.ErrNotExist) {
		t.Modules = filepath.Join(root, "usr/lib/modules", release)
	}
	for _, link := range []string{"build", "source"} { // they lead out of the store
		if err := os.Remove(filepath.Join(t.Modules, link)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return environment(err)
		}
	}
	if err := relocateHeaders(t.Headers); err != nil {
		return err
	}
	// The copy in /boot lacks the symbols that Debian takes out of it.
	if err := copyFile(filepath.Join(t.Headers, ".config"), t.Config); err != nil {
		return environment(err)
	}
	return nil
}

// IsDebian tells whether NAME of `target add NAME` means a kernel of Debian,
// and which release: "debian" and "debian:RELEASE".
func IsDebian(name string) (release string, ok bool) {
	if name == "debian" {
		return "", true
	}
	return strings.CutPrefix(name, "debian:")
}
