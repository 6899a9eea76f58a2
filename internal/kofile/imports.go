package kofile

import (
	"bytes"
	"context"
	"crypto/sha256"
	"debug/elf"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"golang.org/x/sync/errgroup"

	"kintsugi/internal/fault"
)

// Imports are the symbols that the modules of a folder take from elsewhere: from
// the kernel image or from each other.
type Imports struct {
	Modules []string         // all, sorted
	Users   map[string][]int // the indices of those that import a symbol, ascending
}

// Of returns the modules that import a symbol, sorted.
func (i *Imports) Of(symbol string) []string {
	var names []string
	for _, n := range i.Users[symbol] {
		if n >= 0 && n < len(i.Modules) {
			names = append(names, i.Modules[n])
		}
	}
	return names
}

// Imports reads all modules of the folder, several in parallel. It takes seconds, or a minute or
// two for thousands of modules packed by xz.
func (d *Dir) Imports(ctx context.Context, atOnce int) (*Imports, error) {
	files, err := d.find()
	if err != nil {
		return nil, err
	}
	names := slices.Sorted(maps.Keys(files))
	symbols := make([][]string, len(names))
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, name := range names {
		group.Go(func() error {
			if inner.Err() != nil {
				return inner.Err()
			}
			ko, err := Read(files[name])
			if err != nil {
				return err
			}
			if symbols[i], err = imported(ko); err != nil {
				return fault.Inputf("%s: %w", files[name], err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	all := &Imports{Modules: names, Users: map[string][]int{}}
	for i, list := range symbols {
		for _, s := range list {
			all.Users[s] = append(all.Users[s], i)
		}
	}
	return all, nil
}

// imported returns the undefined symbols of an unpacked module, each once.
func imported(ko []byte) ([]string, error) {
	file, err := elf.NewFile(bytes.NewReader(ko))
	if err != nil {
		return nil, err
	}
	symbols, err := file.Symbols()
	if err != nil && !errors.Is(err, elf.ErrNoSymbols) {
		return nil, err
	}
	var names []string
	for _, s := range symbols {
		if s.Section == elf.SHN_UNDEF && s.Name != "" {
			names = append(names, s.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// Sum returns a hash that changes whenever files of the folder change. It opens no file.
func (d *Dir) Sum() (string, error) {
	files, err := d.find()
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		info, err := os.Stat(files[name])
		if err != nil {
			return "", fault.Inputf("modules: %w", err)
		}
		fmt.Fprintln(sum, files[name], info.Size(), info.ModTime().UnixNano())
	}
	return fmt.Sprintf("%x", sum.Sum(nil)), nil
}
