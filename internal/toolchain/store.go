package toolchain

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"kintsugi/internal/disk"
	"kintsugi/internal/fault"
)

// save writes t's description, which makes the toolchain usable.
func (s *Store) save(t *Toolchain) error {
	stored := *t
	stored.Root = "root"
	text, err := json.MarshalIndent(stored, "", "\t")
	if err != nil {
		return err
	}
	return disk.WriteFile(s.metaFile(t.Name), append(text, '\n'))
}

// Open returns a toolchain by its name. If it is half made or missing, the error is
// fs.ErrNotExist.
func (s *Store) Open(name string) (*Toolchain, error) {
	if name == "" || name != filepath.Base(name) || strings.HasPrefix(name, ".") {
		return nil, fault.Inputf("%q is not a toolchain's name", name)
	}
	text, err := os.ReadFile(s.metaFile(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Environmentf("no toolchain %s: %w", name, fs.ErrNotExist).
			Hint("remove the target, then add it again")
	}
	if err != nil {
		return nil, disk.Fault(err)
	}
	t := &Toolchain{}
	if err := json.Unmarshal(text, t); err != nil {
		return nil, fault.Environmentf("toolchain %s: %w", name, err).
			Hint("kintsugi toolchain rm %s, then add the target again", name)
	}
	t.Name, t.Kind, t.Root = name, Debian, filepath.Join(s.dir(name), "root")
	return t, nil
}

// List returns the toolchains by name, without half-made ones.
func (s *Store) List() ([]*Toolchain, error) {
	entries, err := os.ReadDir(s.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, disk.Fault(err)
	}
	var list []*Toolchain
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		t, err := s.Open(entry.Name())
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	return list, nil
}

// Remove deletes a toolchain, whole or half made.
func (s *Store) Remove(ctx context.Context, name string) error {
	if _, err := s.Open(name); err != nil && !errors.Is(err, fs.ErrNotExist) && fault.ClassOf(err) == fault.Input {
		return err
	}
	if _, err := os.Stat(s.dir(name)); err != nil {
		return fault.Inputf("no toolchain %q", name).Hint("kintsugi toolchain list")
	}
	unlock, err := disk.Lock(ctx, s.dir(name)+".lock")
	if err != nil {
		return err
	}
	defer unlock()
	if err := os.Remove(s.metaFile(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return disk.Fault(err)
	}
	return disk.Fault(os.RemoveAll(s.dir(name)))
}
