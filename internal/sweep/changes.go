package main

import (
	"bytes"
	"context"
	"io/fs"
	"maps"
	"math/rand"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"kintsugi/internal/arch"
	"kintsugi/internal/command"
	"kintsugi/internal/fault"
	"kintsugi/internal/target"
	"kintsugi/kbuild"
	"kintsugi/kbuild/plan"
)

// ground is the source of the changes.
type ground struct {
	target       *target.Target // target of the older release
	tree         *kbuild.Tree   // tree of the target
	older, newer target.DebianRelease
	source       string // unpacked source of the newer release
}

// prepare makes a target of the older of the two oldest releases on offer. It unpacks the source of
// the newer release.
func prepare(ctx context.Context, series string) (*ground, error) {
	store, err := target.DefaultStore()
	if err != nil {
		return nil, err
	}
	releases, err := store.DebianReleases(ctx, series, nil)
	if err != nil {
		return nil, err
	}
	if len(releases) < 2 {
		return nil, fault.Environmentf("apt offers %d releases of %s with their source, want two", len(releases), series)
	}
	g := &ground{older: releases[0], newer: releases[1]}
	if g.target, err = store.AddDebian(ctx, g.older.Release, nil); err != nil {
		return nil, err
	}
	machine, err := g.target.Machine()
	if err != nil {
		return nil, err
	}
	g.tree = g.target.Tree(machine, 1)
	g.source, err = store.DebianSource(ctx, g.newer, nil)
	return g, err
}

// change is what is run as one patch.
type change struct {
	Name  string   // path of the file or directory
	Files []string // files that differ
}

// changes lists the changes that can be patches for the older kernel. A change is a C file that is
// built into the selected units, or all differing files of a directory with such a file, so that a
// header and its users stay together.
func (g *ground) changes(ctx context.Context, opts options) ([]change, error) {
	files, err := g.differing()
	if err != nil {
		return nil, err
	}
	built, err := g.built(ctx, files, opts.units)
	if err != nil {
		return nil, err
	}
	if opts.by == byFile {
		var list []change
		for _, file := range built {
			list = append(list, change{file, []string{file}})
		}
		return list, nil
	}
	return byDirectory(files, built), nil
}

// byDirectory groups the files of every directory that contains one of built.
func byDirectory(files, built []string) []change {
	wanted := map[string]bool{}
	for _, file := range built {
		wanted[path.Dir(file)] = true
	}
	joined := map[string][]string{}
	for _, file := range files {
		if dir := path.Dir(file); wanted[dir] {
			joined[dir] = append(joined[dir], file)
		}
	}
	var list []change
	for _, dir := range slices.Sorted(maps.Keys(joined)) {
		list = append(list, change{dir, joined[dir]})
	}
	return list
}

// built returns the C files whose units are all of the selected kind.
func (g *ground) built(ctx context.Context, files []string, units string) ([]string, error) {
	var sources []string
	for _, file := range files {
		if filepath.Ext(file) == ".c" && g.has(file) {
			sources = append(sources, file)
		}
	}
	planned, _, err := (&plan.Planner{Tree: g.tree}).Plan(ctx, sources)
	if err != nil {
		return nil, err
	}
	wanted := map[string]bool{}
	for _, u := range planned {
		for _, file := range u.Changed {
			was, seen := wanted[file]
			wanted[file] = (was || !seen) && (units == unitsAll || u.Builtin() == (units == unitsBuiltin))
		}
	}
	var list []string
	for file, ok := range wanted {
		if ok {
			list = append(list, file)
		}
	}
	sort.Strings(list)
	return list, nil
}

// differing lists the C files and headers that differ between both trees, without other
// architectures and tools.
func (g *ground) differing() ([]string, error) {
	var files []string
	err := filepath.WalkDir(g.source, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		file, err := filepath.Rel(g.source, path)
		if err != nil {
			return err
		}
		if entry.IsDir() && foreign(file, g.kernelDir()) {
			return filepath.SkipDir
		}
		if ext := filepath.Ext(file); !entry.Type().IsRegular() || ext != ".c" && ext != ".h" {
			return nil
		}
		differs, err := g.differs(file)
		if differs {
			files = append(files, file)
		}
		return err
	})
	return files, err
}

// kernelDir returns the target's directory below arch/ in the source, or "" if unknown.
func (g *ground) kernelDir() string {
	if a, err := arch.ByName(g.target.Arch); err == nil {
		return a.Kernel
	}
	return ""
}

// foreign reports whether a directory has no code of a kernel whose own directory below arch/ is
// own.
func foreign(dir, own string) bool {
	parent, base := filepath.Split(dir)
	return dir == "tools" || dir == "samples" || parent == "arch/" && base != own
}

func (g *ground) differs(file string) (bool, error) {
	after, err := os.ReadFile(filepath.Join(g.source, file))
	if err != nil {
		return false, err
	}
	before, err := os.ReadFile(filepath.Join(g.target.Source, file))
	if os.IsNotExist(err) {
		return true, nil
	}
	return !bytes.Equal(before, after), err
}

// has reports whether the older kernel has the file.
func (g *ground) has(file string) bool {
	_, err := os.Stat(filepath.Join(g.target.Source, file))
	return err == nil
}

// patch returns a change as a unified diff.
func (g *ground) patch(ctx context.Context, c change) ([]byte, error) {
	var text []byte
	for _, file := range c.Files {
		from, label := filepath.Join(g.target.Source, file), "a/"+file
		if !g.has(file) {
			from, label = os.DevNull, os.DevNull
		}
		diff := &command.Cmd{Path: "diff",
			Args: []string{"-u", "-p", "--label", label, "--label", "b/" + file, from, filepath.Join(g.source, file)}}
		out, err := diff.Stdout(ctx)
		if len(out) == 0 { // diff exits with 1 if the files differ
			return nil, fault.Environmentf("diff of %s: %w", file, err)
		}
		text = append(text, out...)
	}
	return text, nil
}

// sample returns n random elements of list in the list's order, or all if n is less than 0.
func sample[T any](list []T, n int, seed int64) []T {
	if n < 0 || n >= len(list) {
		return list
	}
	picked := rand.New(rand.NewSource(seed)).Perm(len(list))[:n]
	sort.Ints(picked)
	var chosen []T
	for _, i := range picked {
		chosen = append(chosen, list[i])
	}
	return chosen
}

// only returns the elements of list whose name contains text.
func only(list []change, text string) []change {
	return slices.DeleteFunc(list, func(c change) bool { return !strings.Contains(c.Name, text) })
}
