package main

import (
	"bytes"
	"context"
	"io/fs"
	"math/rand"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"kintsugi/internal/command"
	"kintsugi/internal/fault"
	"kintsugi/internal/target"
	"kintsugi/kbuild"
)

// ground is what the changes come from.
type ground struct {
	target       *target.Target // of the older release
	older, newer target.DebianRelease
	source       string // unpacked source of the newer one
}

// prepare makes the older of the two oldest releases on offer a target and
// unpacks the source of the other.
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
		return nil, fault.Environmentf("apt offers %d releases of %s with their source, two are wanted", len(releases), series)
	}
	g := &ground{older: releases[0], newer: releases[1]}
	if g.target, err = store.AddDebian(ctx, g.older.Release, nil); err != nil {
		return nil, err
	}
	g.source, err = store.DebianSource(ctx, g.newer, nil)
	return g, err
}

func (g *ground) tree() *kbuild.Tree {
	return &kbuild.Tree{Dir: g.target.Source, CC: g.target.CC, CacheDir: filepath.Join(g.target.Dir, "units"), Jobs: 1}
}

// changes lists the C files that differ and whose every object is part of the
// older kernel's image.
func (g *ground) changes(ctx context.Context) ([]string, error) {
	files, err := g.differing()
	if err != nil {
		return nil, err
	}
	units, _, err := g.tree().Plan(ctx, files)
	if err != nil {
		return nil, err
	}
	builtin := map[string]bool{}
	for _, u := range units {
		for _, file := range u.Changed {
			was, seen := builtin[file]
			builtin[file] = u.Builtin() && (was || !seen)
		}
	}
	var list []string
	for file, ok := range builtin {
		if ok {
			list = append(list, file)
		}
	}
	sort.Strings(list)
	return list, nil
}

// differing lists the C files that both trees have and that are not equal,
// but for other architectures and for the tools.
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
		if entry.IsDir() && foreign(file) {
			return filepath.SkipDir
		}
		if !entry.Type().IsRegular() || filepath.Ext(file) != ".c" {
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

func foreign(dir string) bool {
	parent, base := filepath.Split(dir)
	return dir == "tools" || dir == "samples" || parent == "arch/" && base != "x86"
}

func (g *ground) differs(file string) (bool, error) {
	after, err := os.ReadFile(filepath.Join(g.source, file))
	if err != nil {
		return false, err
	}
	before, err := os.ReadFile(filepath.Join(g.target.Source, file))
	if os.IsNotExist(err) {
		return false, nil
	}
	return !bytes.Equal(before, after), err
}

// patch is the change of one file as a unified diff.
func (g *ground) patch(ctx context.Context, file string) ([]byte, error) {
	diff := &command.Cmd{Path: "diff", Args: []string{"-u", "-p", "--label", "a/" + file, "--label", "b/" + file,
		filepath.Join(g.target.Source, file), filepath.Join(g.source, file)}}
	out, err := diff.Stdout(ctx)
	if len(out) == 0 { // diff exits with 1 where it finds something
		return nil, fault.Environmentf("diff of %s: %w", file, err)
	}
	return out, nil
}

// sample picks n of list, all where n is less than 0, in the list's order.
func sample(list []string, n int, seed int64) []string {
	if n < 0 || n >= len(list) {
		return list
	}
	var chosen []string
	for _, i := range rand.New(rand.NewSource(seed)).Perm(len(list))[:n] {
		chosen = append(chosen, list[i])
	}
	sort.Strings(chosen)
	return chosen
}

// only are those of list with text in them.
func only(list []string, text string) []string {
	var chosen []string
	for _, s := range list {
		if strings.Contains(s, text) {
			chosen = append(chosen, s)
		}
	}
	return chosen
}
