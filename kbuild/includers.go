package kbuild

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"

	"kintsugi/internal/fault"
)

// includers tells for each C file which files have an #include of a file of
// that base name: kernel/sched/build_policy.c includes "rt.c". Key and
// elements are base name and paths relative to the tree.
type includers map[string][]string

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
// of others, sorted. It goes by base names and so may name too many; whether
// an includer really has the file is seen from its dependencies.
func (in includers) closure(file string) []string {
	seen := map[string]bool{file: true}
	for todo := []string{file}; len(todo) > 0; todo = todo[1:] {
		for _, by := range in[path.Base(todo[0])] {
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

var includeC = regexp.MustCompile(`(?m)^[ \t]*#[ \t]*include[ \t]*["<]([^">\n]+\.c)[">]`)

// scanIncluders reads all sources that can become part of a kernel.
func (t *Tree) scanIncluders() (includers, error) {
	table := includers{}
	err := filepath.WalkDir(t.Dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(t.Dir, name)
		switch {
		case d.IsDir() && outsideKernel[rel]:
			return fs.SkipDir
		case !d.Type().IsRegular() || path.Ext(rel) != ".c" && path.Ext(rel) != ".h" && path.Ext(rel) != ".inc":
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		table.scan(rel, text)
		return nil
	})
	if err != nil {
		return nil, fault.Environmentf("source tree: %w", err)
	}
	return table, nil
}

var outsideKernel = map[string]bool{"Documentation": true, "LICENSES": true, "samples": true, "scripts": true, "tools": true}

// scan adds what one file includes.
func (in includers) scan(file string, text []byte) {
	if !bytes.Contains(text, []byte(`.c"`)) && !bytes.Contains(text, []byte(".c>")) {
		return
	}
	for _, m := range includeC.FindAllSubmatch(text, -1) {
		base := path.Base(string(m[1]))
		if !slices.Contains(in[base], file) {
			in[base] = append(in[base], file)
		}
	}
}

// makefilesNaming returns the directories whose makefile mentions the base
// name of one of the sources and that are not among its parents.
func (t *Tree) makefilesNaming(sources []string) ([]string, error) {
	var dirs []string
	err := filepath.WalkDir(t.Dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(t.Dir, name)
		if d.IsDir() && outsideKernel[rel] {
			return fs.SkipDir
		}
		if base := d.Name(); d.IsDir() || base != "Makefile" && base != "Kbuild" {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if dir := path.Dir(rel); dir != "." && mentionsAny(text, dir, sources) {
			dirs = append(dirs, dir)
		}
		return nil
	})
	if err != nil {
		return nil, fault.Environmentf("source tree: %w", err)
	}
	return dirs, nil
}

func mentionsAny(makefile []byte, dir string, sources []string) bool {
	for _, source := range sources {
		if strings.HasPrefix(source, dir+"/") {
			continue
		}
		if bytes.Contains(makefile, []byte("/"+path.Base(objectOf(source)))) {
			return true
		}
	}
	return false
}
