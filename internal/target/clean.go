package target

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"kintsugi/internal/disk"
	"kintsugi/internal/fault"
	"kintsugi/internal/toolchain"
)

// UsedToolchain is a toolchain of the store with the names of its targets.
type UsedToolchain struct {
	*toolchain.Toolchain
	Bytes   int64    `json:"bytes"`
	Targets []string `json:"targets"`
}

// UsedToolchains returns the toolchains of the store, by name.
func (s *Store) UsedToolchains() ([]UsedToolchain, error) {
	list, err := s.Toolchains().List()
	if err != nil {
		return nil, err
	}
	users, err := s.toolchainUsers()
	if err != nil {
		return nil, err
	}
	used := []UsedToolchain{}
	for _, t := range list {
		used = append(used, UsedToolchain{t, disk.Usage(t.Root), append([]string{}, users[t.Name]...)})
	}
	return used, nil
}

// toolchainUsers returns the names of the targets by the toolchain of the store that they use.
func (s *Store) toolchainUsers() (map[string][]string, error) {
	targets, err := s.List()
	users := map[string][]string{}
	for _, t := range targets {
		if t.Toolchain.Kind == toolchain.Debian {
			users[t.Toolchain.Name] = append(users[t.Toolchain.Name], t.Name)
		}
	}
	return users, err
}

// RemoveToolchain deletes a toolchain. It refuses one that a target needs.
func (s *Store) RemoveToolchain(ctx context.Context, name string) error {
	all, err := s.toolchainUsers()
	if err != nil {
		return err
	}
	if users := all[name]; len(users) > 0 {
		return fault.Inputf("target %s needs toolchain %s", users[0], name).Hint("kintsugi target rm %s", users[0])
	}
	return s.Toolchains().Remove(ctx, name)
}

// Clean removes what killed runs left, and returns its paths: work folders, and targets
// and toolchains without a description. It leaves those that are just being made.
func (s *Store) Clean(ctx context.Context) ([]string, error) {
	removed, err := disk.CleanWork()
	if err != nil {
		return nil, err
	}
	for _, place := range []struct{ dir, meta string }{
		{filepath.Join(s.Dir, "targets"), metaFile},
		{s.Toolchains().Dir, toolchain.MetaFile},
	} {
		dirs, err := halfMade(place.dir, place.meta)
		if err != nil {
			return nil, err
		}
		for _, dir := range dirs {
			done, err := disk.RemoveUnheld(dir, func() bool { return !hasFile(dir, place.meta) })
			if err != nil {
				return nil, disk.Fault(err)
			}
			if done {
				removed = append(removed, dir)
			}
		}
	}
	return append([]string{}, removed...), ctx.Err()
}

// halfMade returns the folders in dir that lack the file meta, which is written last.
func halfMade(dir, meta string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, disk.Fault(err)
	}
	var dirs []string
	for _, entry := range entries {
		if sub := filepath.Join(dir, entry.Name()); entry.IsDir() && !hasFile(sub, meta) {
			dirs = append(dirs, sub)
		}
	}
	return dirs, nil
}

func hasFile(dir, name string) bool {
	_, err := os.Lstat(filepath.Join(dir, name))
	return !errors.Is(err, fs.ErrNotExist)
}
