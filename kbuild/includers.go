package kbuild

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"kintsugi/internal/fault"
)

// includers tells which files have an #include of a C file, as
// kernel/sched/build_policy.c has of rt.c. The key is the included file where
// the includer's directory has it, and "*/" with the path as written, leading
// dots dropped, where the compiler looks for it elsewhere.
type includers map[string][]string

// Index reads the source tree once and keeps in CacheDir what Plan needs to
// know of it, so that the first Plan does not have to.
func (t *Tree) Index() error {
	_, err := t.includers()
	return err
}

// includers returns the table of the tree, from the cache where that has it.
func (t *Tree) includers() (includers, error) {
	table := includers{}
	if t.loadCache("includers.json", &table) {
		return table, nil
	}
	table, err := t.scanIncluders()
	if err != nil {
		return nil, err
	}
	t.storeCache("includers.json", table)
	return table, nil
}

// closure returns file and every C file that includes it, directly or by way
// of others, sorted. Whether an includer really has the file with this config
// is seen from its dependencies only.
func (in includers) closure(file string) []string {
	seen := map[string]bool{file: true}
	for todo := []string{file}; len(todo) > 0; todo = todo[1:] {
		for _, by := range in.of(todo[0]) {
			if !seen[by] {
				seen[by] = true
				todo = append(todo, by)
			}
		}
	}
	var sources []string
	for name := range seen {
		if path.Ext(name) == ".c" {
			sources = append(sources, name)
		}
	}
	sort.Strings(sources)
	return sources
}

// of returns the files with an #include that may mean file.
func (in includers) of(file string) []string {
	all := slices.Clone(in[file])
	for tail, more := file, true; more; _, tail, more = strings.Cut(tail, "/") {
		all = append(all, in["*/"+tail]...)
	}
	return all
}

var includeC = regexp.MustCompile(`(?m)^[ \t]*#[ \t]*include[ \t]*["<]([^">\n]+\.c)[">]`)

// scanIncluders reads all sources that can become part of this kernel.
func (t *Tree) scanIncluders() (includers, error) {
	var mu sync.Mutex
	table := includers{}
	var group errgroup.Group
	group.SetLimit(4 * max(1, t.Jobs)) // most of the time is spent waiting for the disk
	err := t.walk(func(file string, d fs.DirEntry) error {
		if !mayInclude(file, d) {
			return nil
		}
		group.Go(func() error {
			text, err := os.ReadFile(filepath.Join(t.Dir, file))
			if err == nil && (bytes.Contains(text, []byte(`.c"`)) || bytes.Contains(text, []byte(".c>"))) {
				mu.Lock()
				defer mu.Unlock()
				table.scan(file, text, t.has)
			}
			return err
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

// mayInclude reports whether a file may have an #include of C source. Headers
// of this size are tables of registers: a third of the tree's bytes.
func mayInclude(file string, d fs.DirEntry) bool {
	const table = 256 << 10
	switch path.Ext(file) {
	case ".c", ".inc":
		return true
	case ".h":
		info, err := d.Info()
		return err == nil && info.Size() < table
	}
	return false
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
		case !d.Type().IsRegular():
			return nil
		}
		return f(rel, d)
	})
}

var outsideKernel = map[string]bool{"Documentation": true, "LICENSES": true, "samples": true, "scripts": true, "tools": true}

// otherArch reports whether dir is that of an architecture the tree is not
// prepared for.
func (t *Tree) otherArch(dir string) bool {
	if path.Dir(dir) != "arch" {
		return false
	}
	_, err := os.Stat(filepath.Join(t.Dir, dir, "include/generated"))
	return err != nil
}

// scan adds what one file includes; has tells which files there are.
func (in includers) scan(file string, text []byte, has func(file string) bool) {
	for _, m := range includeC.FindAllSubmatch(text, -1) {
		written := string(m[1])
		key := path.Join(path.Dir(file), written)
		if !has(key) {
			key = "*/" + strings.TrimLeft(path.Clean(written), "./")
		}
		if !slices.Contains(in[key], file) {
			in[key] = append(in[key], file)
		}
	}
}
