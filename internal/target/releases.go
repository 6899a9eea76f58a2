package target

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"kintsugi/internal/apt"
	"kintsugi/internal/disk"
	"kintsugi/internal/fault"
)

// DebianRelease is a kernel that Debian offers with its source.
type DebianRelease struct {
	Release string // uname -r, an argument of AddDebian
	Version string // of the source package
	Series  string // 6.1
}

// DebianReleases lists the plain kernels of a series that this machine's suite
// offers, oldest first. The empty series is that of the kernel that the suite installs.
func (s *Store) DebianReleases(ctx context.Context, series string, progress Progress) ([]DebianRelease, error) {
	a, unlock, err := s.lockApt(ctx, apt.Suites()[0])
	if err != nil {
		return nil, err
	}
	defer unlock()
	progress.Step("package lists")
	if err := a.Update(ctx, apt.Fresh); err != nil {
		return nil, err
	}
	kernels, usual, err := suiteKernels(ctx, a)
	if err != nil {
		return nil, err
	}
	if series == "" {
		series = usual
	}
	var releases []DebianRelease
	for _, k := range slices.Backward(kernels) {
		if k.HasSource && k.Series == series && k.Flavour == flavours[0] {
			releases = append(releases, DebianRelease{k.Release, k.Version, k.Series})
		}
	}
	return releases, nil
}

// DebianSource returns the unpacked source of a release, not prepared for compiling.
// It is fetched once and stays in the store.
func (s *Store) DebianSource(ctx context.Context, r DebianRelease, progress Progress) (string, error) {
	tree := s.sourceDir(r)
	unlock, err := disk.Lock(ctx, tree+".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(tree); err == nil {
		return tree, nil
	}
	files, err := s.fetchSource(ctx, r, progress)
	if err != nil {
		return "", err
	}
	progress.Step("unpack")
	return tree, s.unpackRelease(ctx, filepath.Join(s.packagesDir(), files[0].File), tree)
}

func (s *Store) sourceDir(r DebianRelease) string {
	return filepath.Join(s.Dir, "sources", strings.ReplaceAll(r.Version, ":", "%"))
}

// fetchSource downloads the source package of r from the first suite that
// offers it.
func (s *Store) fetchSource(ctx context.Context, r DebianRelease, progress Progress) ([]Package, error) {
	if err := s.checkSpace(debianNeed); err != nil {
		return nil, err
	}
	name := "linux-source-" + r.Series + "=" + r.Version
	for _, suite := range apt.Suites() {
		files, err := s.fetchFrom(ctx, suite, name, progress)
		if files != nil || err != nil {
			return files, err
		}
	}
	return nil, fault.Environmentf("%s is not offered by any suite of Debian", name)
}

// fetchFrom downloads a package. It returns nil if the suite does not have it.
func (s *Store) fetchFrom(ctx context.Context, suite apt.Suite, name string, progress Progress) ([]Package, error) {
	a, unlock, err := s.lockApt(ctx, suite)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := a.Update(ctx, apt.Fresh); err != nil {
		return nil, err
	}
	records, err := a.Show(ctx, name)
	if err != nil || len(records) == 0 {
		return nil, err
	}
	files, err := a.Locate(ctx, []string{name})
	if err != nil {
		return nil, err
	}
	return files, a.Download(ctx, files, progress)
}

// unpackRelease unpacks a source package in a folder beside tree, so that tree exists
// only when it is complete.
func (s *Store) unpackRelease(ctx context.Context, file, tree string) error {
	half := tree + ".half"
	if err := os.RemoveAll(half); err != nil {
		return disk.Fault(err)
	}
	if err := os.MkdirAll(half, 0o755); err != nil {
		return disk.Fault(err)
	}
	t := &Target{Dir: half, Source: filepath.Join(half, "source")}
	if err := t.unpackSourcePackage(ctx, file); err != nil {
		return err
	}
	if err := os.Rename(t.Source, tree); err != nil {
		return disk.Fault(err)
	}
	return disk.Fault(os.RemoveAll(half))
}
