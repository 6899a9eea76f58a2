package target

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"

	"kintsugi/internal/apt"
	"kintsugi/internal/disk"
	"kintsugi/internal/fault"
	"kintsugi/internal/toolchain"
)

// Store is a folder of targets:
//
//	targets/NAME/       a target; make.go has its layout
//	targets/NAME.lock   held while the target is made or removed, shared while it is used
//	sources/VERSION/    source of a release without a target
//	apt/SUITE/          package lists of our own, so that apt needs no root
//	toolchains/NAME/    compiler and all else that targets of one suite need
//	packages/           downloaded packages
type Store struct {
	Dir string
	// Toolchain is the toolchain of targets that are added.
	Toolchain toolchain.Spec
}

// DefaultStore is the user's store: $KINTSUGI_CACHE, else kintsugi in
// $XDG_CACHE_HOME, else in ~/.cache. It refuses one of another user.
func DefaultStore() (*Store, error) {
	dir, err := defaultDir()
	if err != nil {
		return nil, err
	}
	return &Store{Dir: dir}, checkOwner(dir)
}

func defaultDir() (string, error) {
	if dir := os.Getenv("KINTSUGI_CACHE"); dir != "" {
		abs, err := filepath.Abs(dir)
		return abs, disk.Fault(err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fault.Environmentf("no cache folder: %w", err).Hint("set KINTSUGI_CACHE")
	}
	return filepath.Join(cache, "kintsugi"), nil
}

// Progress is called with the progress of a step.
type Progress = apt.Progress

func (s *Store) targetDir(name string) string { return filepath.Join(s.Dir, "targets", name) }
func (s *Store) packagesDir() string          { return filepath.Join(s.Dir, "packages") }
func (s *Store) aptDir() string               { return filepath.Join(s.Dir, "apt") }

// Open returns the target of that name. The empty name means the running kernel if it
// is a target, else the only target.
func (s *Store) Open(name string) (*Target, error) {
	if name == "" {
		banner, _ := runningBanner("/") // on an error, no running kernel is preferred
		return s.openDefault(banner)
	}
	if err := checkName(name); err != nil {
		return nil, err
	}
	t, err := load(s.targetDir(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, s.unknown(name)
	}
	if err != nil {
		return nil, err
	}
	return t, t.checkUnchanged()
}

// openDefault compares banners, not releases: a kernel that was built again, or
// upgraded within its release, has the same release and other code.
func (s *Store) openDefault(banner string) (*Target, error) {
	targets, err := s.List()
	if err != nil {
		return nil, err
	}
	targets = slices.DeleteFunc(targets, func(t *Target) bool { return t.Origin == adHoc })
	for _, t := range targets {
		if t.Banner == banner && banner != "" {
			return t, t.checkUnchanged()
		}
	}
	switch len(targets) {
	case 0:
		return nil, fault.Inputf("no target was added").Hint("kintsugi target add debian")
	case 1:
		return targets[0], targets[0].checkUnchanged()
	}
	return nil, fault.Inputf("several targets, and none is the running kernel: %s", names(targets)).
		Hint("choose one with -t NAME")
}

func (s *Store) unknown(name string) error {
	err := fault.Inputf("no target %q", name)
	if targets, listErr := s.List(); listErr == nil && len(targets) > 0 {
		return err.Hint("targets: %s", names(targets))
	}
	return err.Hint("kintsugi target add debian")
}

func names(targets []*Target) string {
	var list []string
	for _, t := range targets {
		list = append(list, t.Name)
	}
	return strings.Join(list, ", ")
}

// List returns the targets by name, without half-made ones.
func (s *Store) List() ([]*Target, error) {
	entries, err := os.ReadDir(filepath.Join(s.Dir, "targets"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, disk.Fault(err)
	}
	var targets []*Target
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		t, err := load(s.targetDir(entry.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		targets = append(targets, t)
	}
	sort.Slice(targets, func(i, j int) bool { return targets[i].Name < targets[j].Name })
	return targets, nil
}

// Use keeps the target from being removed until release is called.
func (t *Target) Use(ctx context.Context) (release func(), err error) {
	if t.Dir == "" { // of files that are not in a store
		return func() {}, nil
	}
	unlock, err := disk.Share(ctx, t.Dir+".lock")
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(t.Dir, metaFile)); err != nil {
		unlock()
		return nil, fault.Environmentf("target %s was removed meanwhile", t.Name)
	}
	return unlock, nil
}

// Remove deletes a target and the packages that no other target was made from. The
// target may be half made, or of another version of kintsugi. Remove waits for builds
// that use the target.
func (s *Store) Remove(ctx context.Context, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	dir := s.targetDir(name)
	if _, err := os.Stat(dir); err != nil {
		return s.unknown(name)
	}
	unlock, err := disk.Lock(ctx, dir+".lock")
	if err != nil {
		return err
	}
	defer unlock()
	t, _ := load(dir)
	if err := removeTarget(dir); err != nil {
		return err
	}
	if t == nil {
		return nil
	}
	return s.removePackages(t.Packages)
}

// removeTarget deletes the description first: if the machine stops half way, the rest
// is no target.
func removeTarget(dir string) error {
	if err := os.Remove(filepath.Join(dir, metaFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return disk.Fault(err)
	}
	return disk.Fault(os.RemoveAll(dir))
}

func (s *Store) removePackages(packages []Package) error {
	targets, err := s.List()
	if err != nil {
		return err
	}
	needed := map[string]bool{}
	for _, t := range targets {
		for _, p := range t.Packages {
			needed[p.File] = true
		}
	}
	for _, p := range packages {
		if needed[p.File] {
			continue
		}
		if err := os.Remove(filepath.Join(s.packagesDir(), filepath.Base(p.File))); err != nil &&
			!errors.Is(err, fs.ErrNotExist) {
			return disk.Fault(err)
		}
	}
	return nil
}

// nameRule allows names that are a folder's name and a word of a shell, and differ
// from the store's lock files.
var nameRule = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.+~_-]{0,99}$`)

func checkName(name string) error {
	if !nameRule.MatchString(name) || strings.HasSuffix(name, ".lock") {
		return fault.Inputf("%q is not a target's name", name).Hint("letters, digits and . + ~ _ - only")
	}
	return nil
}
