package target

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"kintsugi/internal/apt"
	"kintsugi/internal/disk"
	"kintsugi/internal/fault"
	"kintsugi/internal/target/prepare"
	"kintsugi/internal/toolchain"
)

// debianNeed is the disk space of a Debian target without its packages, in bytes:
// 1.3 GB of source, 0.5 GB of modules, headers and kernel.
const debianNeed = 2500 << 20

// AddDebian makes a target of a kernel that Debian offers, named by its release.
// what is a suite (trixie), or an argument of choose, searched in all suites (6.1,
// 6.1.0-56, 6.12.117+deb12, 6.1.192-2, cloud), or both: trixie/cloud. The empty what
// is the usual kernel of this machine's suite. An existing target is returned.
func (s *Store) AddDebian(ctx context.Context, what string, progress Progress) (*Target, error) {
	if t := s.added(what); t != nil {
		return t, nil
	}
	k, err := s.findKernel(ctx, what, progress)
	if err != nil {
		return nil, err
	}
	same := func(t *Target) error {
		if (t.Origin == "debian" || t.Origin == Running) && t.Version == k.Version {
			return nil
		}
		return fault.Inputf("target %s exists with version %s, not %s", t.Name, t.Version, k.Version).
			Hint("kintsugi target rm %s", t.Name)
	}
	return s.create(ctx, k.Release, same, func(t *Target) error {
		t.Origin, t.Version = "debian", k.Version
		if err := s.fetchDebian(ctx, t, k, progress); err != nil {
			return err
		}
		return s.fillDebian(ctx, t, k, progress)
	})
}

// added returns the existing Debian target of a complete release name, for which apt
// is not needed.
func (s *Store) added(release string) *Target {
	for _, name := range []string{release, release + "-" + flavours[0]} {
		if nameRule.MatchString(name) {
			if t, err := load(s.targetDir(name)); err == nil && t.Origin == "debian" {
				return t
			}
		}
	}
	return nil
}

// lockApt waits for other processes that use the store's folders for a suite.
func (s *Store) lockApt(ctx context.Context, suite apt.Suite) (*apt.Client, func(), error) {
	unlock, err := disk.Lock(ctx, filepath.Join(s.aptDir(), suite.Folder()+".lock"))
	if err != nil {
		return nil, nil, err
	}
	a, err := apt.New(filepath.Join(s.aptDir(), suite.Folder()), s.packagesDir(), suite)
	if err != nil {
		unlock()
		return nil, nil, err
	}
	return a, unlock, nil
}

// parseWhat splits what into the suites to search and the kernel to search for.
func parseWhat(what string) ([]apt.Suite, string, error) {
	name, rest, _ := strings.Cut(what, "/")
	if suite, ok := apt.FindSuite(name); ok {
		return []apt.Suite{suite}, rest, nil
	}
	if strings.Contains(what, "/") {
		return nil, "", fault.Inputf("%s is not a suite of Debian with kernels for targets", name).
			Hint("suites: %s", suiteNames(apt.Suites()))
	}
	if what == "" {
		return apt.Suites()[:1], "", nil
	}
	return apt.Suites(), what, nil
}

func suiteNames(suites []apt.Suite) string {
	var names []string
	for _, s := range suites {
		names = append(names, s.Name)
	}
	return strings.Join(names, ", ")
}

// findKernel searches one suite after the other.
func (s *Store) findKernel(ctx context.Context, what string, progress Progress) (kernel, error) {
	suites, want, err := parseWhat(what)
	if err != nil {
		return kernel{}, err
	}
	progress.Step("package lists")
	var first error // the machine's own suite has the most helpful list
	for _, suite := range suites {
		k, err := s.findIn(ctx, suite, want)
		if err == nil || fault.ClassOf(err) != fault.Input && len(suites) == 1 {
			return k, err
		}
		if ctx.Err() != nil {
			return kernel{}, err
		}
		if first == nil {
			first = err
		}
	}
	return kernel{}, first
}

// findIn searches the existing lists of a suite. If they lack the kernel, it fetches
// new lists.
func (s *Store) findIn(ctx context.Context, suite apt.Suite, want string) (kernel, error) {
	a, unlock, err := s.lockApt(ctx, suite)
	if err != nil {
		return kernel{}, err
	}
	defer unlock()
	for _, age := range []time.Duration{apt.Fresh, newLists} {
		if err := a.Update(ctx, age); err != nil {
			return kernel{}, err
		}
		kernels, usual, listErr := suiteKernels(ctx, a)
		if err = listErr; err != nil {
			continue
		}
		var k kernel
		if k, err = choose(kernels, usual, want); err == nil {
			k.Suite = suite.Name
			return k, nil
		}
	}
	return kernel{}, err
}

// newLists is the age up to which lists are not fetched again if they lack a kernel.
const newLists = 5 * time.Minute

// suiteKernels returns the offered kernels, newest first, and the series of the
// kernel that the suite installs.
func suiteKernels(ctx context.Context, a *apt.Client) ([]kernel, string, error) {
	meta, err := a.Newest(ctx, "linux-image-"+flavours[0])
	if err != nil {
		return nil, "", err
	}
	series, err := usualSeries(meta)
	if err != nil {
		return nil, "", err
	}
	names, err := a.Search(ctx, "^linux-(image-[0-9].*|source-[0-9.]+)$")
	if err != nil {
		return nil, "", err
	}
	names = slices.DeleteFunc(names,
		func(n string) bool { return !imageName.MatchString(n) && !sourceName.MatchString(n) })
	if len(names) == 0 {
		return nil, series, nil
	}
	records, err := a.Show(ctx, names...)
	return offers(records), series, err
}

// fetchDebian downloads k's packages.
func (s *Store) fetchDebian(ctx context.Context, t *Target, k kernel, progress Progress) error {
	suite, _ := apt.FindSuite(k.Suite)
	a, unlock, err := s.lockApt(ctx, suite)
	if err != nil {
		return err
	}
	defer unlock()
	headers, err := a.Show(ctx, "linux-headers-"+k.Release+"="+k.Version)
	if err != nil {
		return err
	}
	if len(headers) == 0 {
		return fault.Inputf("linux-headers-%s=%s is no longer offered", k.Release, k.Version)
	}
	// before anything is downloaded
	if cc := debianCC(headers[0]); cc != "" && s.Toolchain.Kind == toolchain.Host {
		if err := prepare.CheckTools(ctx, cc); err != nil {
			return fault.Environmentf("%w", err).
				Hint("without --toolchain host the kernel's own tools are fetched into the cache, without root")
		}
	}
	if err := s.checkSpace(debianNeed); err != nil {
		return err
	}
	names, err := k.packageNames(headers[0])
	if err != nil {
		return err
	}
	packaging, err := s.fetchPackaging(ctx, suite, k, progress) // small, and not always there
	if err != nil {
		return err
	}
	if t.Packages, err = a.Locate(ctx, names); err != nil {
		return err
	}
	if err := a.Download(ctx, t.Packages, progress); err != nil {
		return err
	}
	t.Packages = append(t.Packages, packaging...)
	return nil
}

// debianCC is the compiler that a headers package depends on, directly (gcc-12) or
// through a package (linux-compiler-gcc-12-x86).
func debianCC(headers apt.Record) string {
	for _, name := range apt.Dependencies(headers["Depends"]) {
		if m := gccPackage.FindStringSubmatch(name); m != nil {
			return m[1]
		}
	}
	return ""
}

var gccPackage = regexp.MustCompile(`^(?:linux-compiler-)?(gcc-[0-9]+)(?:-for-host|-[a-z0-9]+)?$`)

// fillDebian makes t from the downloaded packages.
func (s *Store) fillDebian(ctx context.Context, t *Target, k kernel, progress Progress) error {
	id, err := t.unpackDebian(ctx, s.packagesDir(), k, progress)
	if err != nil {
		return err
	}
	if have := id.debianVersion(); have != "" && have != k.Version {
		return fault.Environmentf("the image of %s was built from version %s, but its package is of version %s",
			k.Release, have, k.Version)
	}
	if err := s.takeToolchain(ctx, t, k.Suite, progress); err != nil {
		return err
	}
	if err := t.checkParts(id); err != nil {
		return err
	}
	return t.prepare(ctx, progress)
}

// unpackDebian unpacks the source, which takes longest, at the same time as the other
// packages.
func (t *Target) unpackDebian(ctx context.Context, packages string, k kernel, progress Progress) (identity, error) {
	progress.Step("unpack")
	var id identity
	group, ctx := errgroup.WithContext(ctx)
	var source, packaging string
	var files []string
	for _, p := range t.Packages {
		file := filepath.Join(packages, p.File)
		switch {
		case p.IsPackaging():
			packaging = file
		case sourceName.MatchString(p.Name):
			source = file
		default:
			files = append(files, file)
		}
	}
	group.Go(func() error {
		if err := t.unpackSourcePackage(ctx, source); err != nil || packaging == "" {
			return err
		}
		return t.patchRealtime(ctx, packaging)
	})
	group.Go(func() error {
		for _, file := range files {
			if err := unpackPackage(ctx, file, filepath.Join(t.Dir, "root")); err != nil {
				return err
			}
		}
		if err := t.locateDebian(k.Release); err != nil {
			return err
		}
		if err := t.readConfig(); err != nil {
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
	return disk.Fault(os.RemoveAll(temp))
}

// locateDebian sets the paths of the parts in the unpacked packages, and makes the
// headers work there.
func (t *Target) locateDebian(release string) error {
	root := filepath.Join(t.Dir, "root")
	t.Headers = filepath.Join(root, "usr/src/linux-headers-"+release)
	t.Image = existing(root, "boot/vmlinuz-"+release, "usr/lib/modules/"+release+"/vmlinuz", "lib/modules/"+release+
		"/vmlinuz")
	if t.Image == "" {
		return fault.Environmentf("the packages of %s have no vmlinuz", release)
	}
	t.Modules = filepath.Join(root, "lib/modules", release)
	if _, err := os.Stat(t.Modules); errors.Is(err, fs.ErrNotExist) {
		t.Modules = filepath.Join(root, "usr/lib/modules", release)
	}
	for _, link := range []string{"build", "source"} { // these point out of the store
		if err := os.Remove(filepath.Join(t.Modules, link)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return disk.Fault(err)
		}
	}
	if err := relocateHeaders(t.Headers); err != nil {
		return err
	}
	// Debian removes symbols from the copy in /boot.
	if err := copyFile(filepath.Join(t.Headers, ".config"), t.Config); err != nil {
		return disk.Fault(err)
	}
	return nil
}

// IsDebian reports whether NAME of `target add NAME` means a kernel of Debian, and
// which: "debian" or "debian:RELEASE".
func IsDebian(name string) (release string, ok bool) {
	if name == "debian" {
		return "", true
	}
	return strings.CutPrefix(name, "debian:")
}
