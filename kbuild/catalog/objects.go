package catalog

import (
	"context"
	"maps"
	"path"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"kintsugi/internal/fault"
	"kintsugi/kbuild"
	"kintsugi/kbuild/query"
)

// object is an object that kbuild builds. Its name is kbuild's.
type object struct {
	name string
	kind kbuild.Kind
}

// Makefiles calls f for each makefile in a directory of the kernel itself.
func Makefiles(t *kbuild.Tree, f func(file string) error) error {
	err := t.Walk(func(file string) error {
		dir := path.Dir(file)
		if base := path.Base(file); dir == "." || base != "Makefile" && base != "Kbuild" || program(dir) {
			return nil
		}
		return f(file)
	})
	if err != nil {
		return fault.Environmentf("source tree: %w", err)
	}
	return nil
}

// program reports whether dir contains only programs, and no part of the kernel.
func program(dir string) bool {
	top, _, _ := strings.Cut(dir, "/")
	return top == "scripts" || top == "tools"
}

// allObjects asks every directory with a makefile for its objects.
func allObjects(ctx context.Context, t *kbuild.Tree) ([]object, error) {
	var folders []string
	err := Makefiles(t, func(file string) error {
		folders = append(folders, path.Dir(file))
		return nil
	})
	if err != nil {
		return nil, err
	}
	a, err := query.Ask(ctx, t, kbuild.Set(folders), nil)
	if err != nil {
		return nil, err
	}
	kinds := map[string]kbuild.Kind{}
	for _, dir := range a.Dirs() {
		f := a.Folders[dir]
		for _, name := range slices.Concat(f.Objects(), f.Members()) {
			kind := f.KindOf(dir, name)
			if path.Ext(name) == ".o" && kind != "" && kinds[name] != kbuild.Vmlinux {
				kinds[name] = kind
			}
		}
	}
	var objects []object
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		objects = append(objects, object{name, kinds[name]})
	}
	return objects, nil
}

// askRecipes asks for the commands of objects. Each run asks for as many as fit into one argument
// (MAX_ARG_STRLEN, include/uapi/linux/binfmts.h: 128 kB).
func askRecipes(ctx context.Context, t *kbuild.Tree, objects []object) (map[string]query.Recipe, error) {
	const most = 60_000
	var goals [][]string
	for size := most; len(objects) > 0; objects = objects[1:] {
		if size += len(objects[0].name) + 1; size > most {
			goals, size = append(goals, nil), 0
		}
		goals[len(goals)-1] = append(goals[len(goals)-1], objects[0].name)
	}
	answers := make([]*query.Answer, len(goals))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(t.Parallel())
	for i := range goals {
		group.Go(func() (err error) {
			answers[i], err = query.Ask(ctx, t, nil, goals[i])
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	all := map[string]query.Recipe{}
	for _, a := range answers {
		maps.Copy(all, a.Recipes)
	}
	return all, nil
}
