package kbuild

import (
	"context"
	"fmt"
	"path"
	"slices"
	"sort"
	"strings"

	"kintsugi/internal/fault"
)

// placement is where kbuild puts the object of one source file, and how it
// makes it. The zero value: nowhere with this config.
type placement struct {
	Object  string   // empty: not built
	Kind    Kind     //
	Host    bool     // source of a program that runs while the kernel is built
	Command string   // the recipe, a line for a shell
	Needs   []string // generated files that the recipe wants to be there
}

// unit returns the placement as a unit, nil where the source is not built.
func (p placement) unit(source string) (*Unit, error) {
	if p.Object == "" {
		return nil, nil
	}
	compile, objtool, err := recipe{command: p.Command}.commands()
	if err != nil {
		return nil, fmt.Errorf("%s: compile command: %w", source, err)
	}
	u := &Unit{Source: source, Object: p.Object, Kind: p.Kind, compile: compile, objtool: objtool, needs: p.Needs}
	for _, word := range compile {
		if name, ok := strings.CutPrefix(word, "-DKBUILD_MODNAME="); ok {
			u.ModName = strings.Trim(name, `"`)
		}
		if name, ok := strings.CutPrefix(word, "-DKBUILD_MODFILE="); ok {
			u.ModFile = strings.Trim(name, `"`)
		}
	}
	return u, nil
}

// locate returns the placement of every source, from the cache where the
// cache has it.
func (t *Tree) locate(ctx context.Context, sources []string) (map[string]placement, error) {
	placed := map[string]placement{}
	var unknown []string
	cache := t.unitCache()
	for _, source := range sources {
		if p, ok := cache.load(source); ok {
			placed[source] = p
		} else {
			unknown = append(unknown, source)
		}
	}
	if len(unknown) == 0 {
		return placed, nil
	}
	found, err := t.ask(ctx, unknown)
	if err != nil {
		return nil, err
	}
	for source, p := range found {
		placed[source] = p
		cache.store(source, p)
	}
	return placed, nil
}

// ask has kbuild place the sources. Most objects are named by the makefile of
// their own or of a parent directory; for the rest every makefile that
// mentions the file's name is a candidate.
func (t *Tree) ask(ctx context.Context, sources []string) (map[string]placement, error) {
	var folders, objects []string
	for _, source := range sources {
		folders = append(folders, parents(source)...)
		objects = append(objects, objectOf(source))
	}
	a, err := t.query(ctx, unique(folders), objects)
	if err != nil {
		return nil, err
	}
	placed := map[string]placement{}
	var lost []string
	for _, source := range sources {
		p, err := a.place(objectOf(source))
		if err != nil {
			return nil, err
		}
		placed[source] = p
		if p.Object == "" && !p.Host {
			lost = append(lost, source)
		}
	}
	if len(lost) > 0 {
		return placed, t.askElsewhere(ctx, lost, placed)
	}
	return placed, nil
}

// askElsewhere looks for objects that a makefile outside of their parent
// directories names (arch/x86/kvm has ../../../virt/kvm/kvm_main.o).
func (t *Tree) askElsewhere(ctx context.Context, sources []string, placed map[string]placement) error {
	mentions, err := t.makefilesNaming(sources)
	if err != nil || len(mentions) == 0 {
		return err
	}
	var folders []string
	for _, dir := range mentions {
		folders = append(folders, append(parents(dir), dir)...)
	}
	a, err := t.query(ctx, unique(folders), nil)
	if err != nil {
		return err
	}
	names := map[string]string{} // source -> its object by the name kbuild has for it
	var objects []string
	for _, source := range sources {
		if name := a.alias(objectOf(source)); name != "" {
			names[source] = name
			objects = append(objects, name)
		}
	}
	if len(objects) == 0 {
		return nil
	}
	b, err := t.query(ctx, nil, objects)
	if err != nil {
		return err
	}
	a.recipes = b.recipes
	for source, name := range names {
		if placed[source], err = a.place(name); err != nil {
			return err
		}
	}
	return nil
}

// place finds the folder that builds object and says what becomes of it there.
func (a *answer) place(object string) (placement, error) {
	for _, dir := range a.dirs() {
		f := a.folders[dir]
		kind := f.kindOf(dir, object)
		if kind == "" {
			continue
		}
		r, ok := a.recipes[object]
		if !ok || r.command == "" {
			return placement{}, fault.Environmentf("kbuild has no command for %s", object)
		}
		return placement{Object: object, Kind: kind, Command: r.command, Needs: r.needs}, nil
	}
	return placement{Host: a.host(object)}, nil
}

// kindOf tells what f links object into, empty where it does not know it.
func (f *folder) kindOf(dir, object string) Kind {
	switch {
	case f.builtin && (find(f.objY, object) != "" || find(f.extraY, object) != ""):
		return Vmlinux
	case find(f.objM, object) != "":
		return Module
	case find(f.libY, object) != "" && find(f.libs, dir+"/lib.a") != "":
		return Library
	}
	return ""
}

// alias returns the name that some folder has for object, empty where none
// knows it.
func (a *answer) alias(object string) string {
	for _, dir := range a.dirs() {
		f := a.folders[dir]
		for _, list := range [][]string{f.objY, f.extraY, f.objM, f.libY} {
			if name := find(list, object); name != "" {
				return name
			}
		}
	}
	return ""
}

// find returns the path in list that leads to the same file as name does.
func find(list []string, name string) string {
	name = path.Clean(name)
	for _, s := range list {
		if path.Clean(s) == name {
			return s
		}
	}
	return ""
}

// host reports whether the object's source is a program of the build itself.
func (a *answer) host(object string) bool {
	f := a.folders[path.Dir(object)]
	return f != nil && slices.Contains(f.hosts, strings.TrimSuffix(path.Base(object), ".o"))
}

func (a *answer) dirs() []string {
	var dirs []string
	for dir := range a.folders {
		dirs = append(dirs, dir)
	}
	sort.Strings(dirs)
	return dirs
}

// parents returns the directories above file, the top of the tree excepted:
// for a/b/c.c, a and a/b.
func parents(file string) []string {
	var dirs []string
	for dir := path.Dir(file); dir != "." && dir != "/"; dir = path.Dir(dir) {
		dirs = append(dirs, dir)
	}
	return dirs
}

func objectOf(source string) string { return strings.TrimSuffix(source, ".c") + ".o" }

// unique returns the sorted set of list.
func unique(list []string) []string {
	sort.Strings(list)
	var out []string
	for i, s := range list {
		if i == 0 || s != list[i-1] {
			out = append(out, s)
		}
	}
	return out
}
