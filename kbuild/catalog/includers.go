package kbuild

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sort"
	"sync"

	"golang.org/x/sync/errgroup"

	"kintsugi/internal/fault"
	"kintsugi/internal/includegraph"
)

// Index reads the source tree once and keeps in CacheDir what Plan needs to
// know of it, so that the first Plan does not have to.
func (t *Tree) Index() error {
	_, err := t.includersOfC()
	return err
}

// includersOfC is the part of the graph that says whether a C file is included
// by others: few are.
func (t *Tree) includersOfC() (includegraph.Graph, error) {
	table := includegraph.Graph{}
	if t.loadCache("includers.json", &table) {
		return table, nil
	}
	all, err := t.includers()
	if err != nil {
		return nil, err
	}
	table = all.OfC()
	t.storeCache("includers.json", table)
	return table, nil
}

// includers returns the graph of the tree, from the cache where that has it.
func (t *Tree) includers() (includegraph.Graph, error) {
	table := includegraph.Graph{}
	if t.loadCache("includes.json", &table) {
		return table, nil
	}
	table, err := t.scanIncluders()
	if err != nil {
		return nil, err
	}
	t.storeCache("includes.json", table)
	return table, nil
}

// sourcesOf returns the C files among files, sorted.
func sourcesOf(files map[string]bool) []string {
	var sources []string
	for name := range files {
		if path.Ext(name) == ".c" {
			sources = append(sources, name)
		}
	}
	sort.Strings(sources)
	return sources
}

// scanIncluders reads all sources that can become part of this kernel.
func (t *Tree) scanIncluders() (includegraph.Graph, error) {
	var mu sync.Mutex
	table := includegraph.Graph{}
	var group errgroup.Group
	group.SetLimit(4 * max(1, t.Jobs)) // most of the time is spent waiting for the disk
	err := t.walk(func(file string, _ fs.DirEntry) error {
		if !includegraph.MayInclude(file) {
			return nil
		}
		group.Go(func() error {
			text, err := os.ReadFile(filepath.Join(t.Dir, file))
			if err != nil {
				return err
			}
			if included := includegraph.Scan(text); len(included) > 0 {
				mu.Lock()
				defer mu.Unlock()
				table.Add(file, included, t.has)
			}
			return nil
		})
		return nil
	})
	if err = errors.Join(err, group.Wait()); err != nil {
		return nil, fault.Environmentf("source tree: %w", err)
	}
	for _, files := range table {
		sort.Strings(files)
	}
	return table, nil
}

// walk calls f for every regular file that may have to do with this kernel's
// code, by its path relative to the tree.
func (t *Tree) walk(f func(file string, d fs.DirEntry) error) error {
	return filepath.WalkDir(t.Dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(t.Dir, name)
		switch {
		case err != nil:
			return err
		case d.IsDir() && (outsideKernel[rel] || t.otherArch(rel)):
			return fs.SkipDir
		case d.IsDir() && path.Dir(rel) == "tools" && rel != "tools/lib":
			return fs.SkipDir // kernel/bpf/relo_core.c is in tools/lib; all else are programs
		case !d.Type().IsRegular():
			return nil
		}
		return f(rel, d)
	})
}

var outsideKernel = map[string]bool{"Documentation": true, "LICENSES": true, "samples": true}

// otherArch reports whether dir is that of an architecture the tree is not
// prepared for.
func (t *Tree) otherArch(dir string) bool {
	if path.Dir(dir) != "arch" {
		return false
	}
	_, err := os.Stat(filepath.Join(t.Dir, dir, "include/generated"))
	return err != nil
}
