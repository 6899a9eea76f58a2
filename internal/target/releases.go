package target

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"kintsugi/internal/fault"
)

// DebianRelease is one kernel that Debian offers together with its source.
type DebianRelease struct {
	Release string // uname -r, which AddDebian takes
	Version string // of the source package
	Series  string // 6.1
}

// DebianReleases lists the kernels of a series that apt offers, oldest first.
// The empty series is the one that the distribution installs.
func (s *Store) DebianReleases(ctx context.Context, series string, progress Progress) ([]DebianRelease, error) {
	a, unlock, err := s.lockApt(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	progress.step("package lists")
	if err := a.update(ctx, listsFresh); err != nil {
		return nil, err
	}
	kernels, usual, err := a.kernels(ctx)
	if err != nil {
		return nil, err
	}
	if series == "" {
		series = usual
	}
	var releases []DebianRelease
	for _, k := range slices.Backward(kernels) {
		if k.HasSource && k.Series == series {
			releases = append(releases, DebianRelease{k.Release, k.Version, k.Series})
		}
	}
	return releases, nil
}

// DebianSource returns the unpacked source of a release, as it is in its
// package and not prepared for compiling. It is fetched once and stays in the
// store.
func (s *Store) DebianSource(ctx context.Context, r DebianRelease, progress Progress) (string, error) {
	tree := s.sourceDir(r)
	unlock, err := lock(ctx, tree+".lock")
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
	progress.step("unpack")
	return tree, s.unpackRelease(ctx, filepath.Join(s.packagesDir(), files[0].File), tree)
}

func (s *Store) sourceDir(r DebianRelease) string {
	return filepath.Join(s.Dir, "sources", strings.ReplaceAll(r.Version, ":", "%"))
}

// fetchSource downloads the source package of r and returns this one.
func (s *Store) fetchSource(ctx context.Context, r DebianRelease, progress Progress) ([]Package, error) {
	a, unlock, err := s.lockApt(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := s.checkSpace(debianNeed); err != nil {
		return nil, err
	}
	if err := a.update(ctx, listsFresh); err != nil {
		return nil, err
	}
	files, err := a.locate(ctx, []string{"linux-source-" + r.Series + "=" + r.Version})
	if err != nil {
		return nil, err
	}
	if len(files) != 1 {
		return nil, fault.Environmentf("source %s: want one package, apt names %d", r.Version, len(files))
	}
	return files, a.download(ctx, files, progress)
}

// unpackRelease unpacks a source package in a folder beside tree, so that
// tree is there only when it is whole.
func (s *Store) unpackRelease(ctx context.Context, file, tree string) error {
	half := tree + ".half"
	if err := os.RemoveAll(half); err != nil {
		return environment(err)
	}
	if err := os.MkdirAll(half, 0o755); err != nil {
		return environment(err)
	}
	t := &Target{Dir: half, Source: filepath.Join(half, "source")}
	if err := t.unpackSourcePackage(ctx, file); err != nil {
		return err
	}
	if err := os.Rename(t.Source, tree); err != nil {
		return environment(err)
	}
	return environment(os.RemoveAll(half))
}
