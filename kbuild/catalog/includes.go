package catalog

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"kintsugi/internal/fault"
	"kintsugi/internal/includegraph"
	"kintsugi/kbuild"
)

// Includes returns the include graph of the tree's sources. It is cached.
func Includes(t *kbuild.Tree) (includegraph.Graph, error) {
	graph := includegraph.Graph{}
	if t.Cache().Load("includes.json", &graph) {
		return graph, nil
	}
	graph, err := scanTree(t)
	if err != nil {
		return nil, err
	}
	t.Cache().Store("includes.json", graph)
	return graph, nil
}

// IncludesOfC returns the part of the graph that shows which C files are included. It is small,
// because few C files are.
func IncludesOfC(t *kbuild.Tree) (includegraph.Graph, error) {
	graph := includegraph.Graph{}
	if t.Cache().Load("includers.json", &graph) {
		return graph, nil
	}
	all, err := Includes(t)
	if err != nil {
		return nil, err
	}
	graph = all.OfC()
	t.Cache().Store("includers.json", graph)
	return graph, nil
}

// scanTree reads all sources that can be part of this kernel.
func scanTree(t *kbuild.Tree) (includegraph.Graph, error) {
	var mu sync.Mutex
	graph := includegraph.Graph{}
	var group errgroup.Group
	group.SetLimit(4 * t.Parallel()) // most of the time is spent waiting for the disk
	err := t.Walk(func(file string) error {
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
				graph.Add(file, included, t.Has)
			}
			return nil
		})
		return nil
	})
	if err = errors.Join(err, group.Wait()); err != nil {
		return nil, fault.Environmentf("source tree: %w", err)
	}
	for _, files := range graph {
		slices.Sort(files)
	}
	return graph, nil
}
