package kbuild

import (
	"context"
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

// placement is where kbuild puts the object of one source file, and how it
// makes it. The zero value: nowhere with this config.
type placement struct {
	Object  string   // empty: not built
	Kind    Kind     // what it is linked into
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
		return nil, fault.Environmentf("%s: compile command that cannot be replayed: %w", source, err).Hint("kbuild would run: %s", p.Command)
	}
	u := &Unit{Source: source, Object: p.Object, Kind: p.Kind, compile: compile, objtool: objtool, needs: p.Needs}
	u.ModName, u.ModFile = moduleOf(compile)
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
		p.Needs = t.missing(p.Needs)
		placed[source] = p
		cache.store(source, p)
	}
	return placed, nil
}

// missing returns the prerequisites that preparing the tree has not made.
func (t *Tree) missing(needs []string) []string {
	return slices.DeleteFunc(needs, func(file string) bool {
		_, err := os.Lstat(filepath.Join(t.Dir, file))
		return err == nil || file == "FORCE"
	})
}

// ask has kbuild place the sources. Nearly all objects are named by the
// makefile of their own or of a parent directory.
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

// askElsewhere places sources whose objects a makefile outside of their
// parent directories names.
func (t *Tree) askElsewhere(ctx context.Context, sources []string, placed map[string]placement) error {
	all, err := t.strays(ctx)
	if err != nil {
		return err
	}
	var objects []string
	found := map[string]stray{}
	for _, source := range sources {
		if s, ok := all[objectOf(source)]; ok {
			found[source] = s
			objects = append(objects, s.Object)
		}
	}
	if len(objects) == 0 {
		return nil
	}
	a, err := t.query(ctx, nil, objects)
	if err != nil {
		return err
	}
	for source, s := range found {
		if placed[source], err = a.placeAs(s.Object, s.Kind); err != nil {
			return err
		}
	}
	return nil
}

// stray is an object that a makefile builds outside of its own directory.
type stray struct {
	Object string // as kbuild names it
	Kind   Kind
}

var reachesOut = regexp.MustCompile(`(?m)^[^#\n]*(\.\.|include[ \t]+\$\(srctree\))`)

// strays returns all such objects of the tree by their clean path, from the
// cache where that has them: arch/x86/kvm has ../../../virt/kvm/kvm_main.o,
// for one. Makefiles with ".." in them, or with a part elsewhere, are asked.
func (t *Tree) strays(ctx context.Context) (map[string]stray, error) {
	all := map[string]stray{}
	if t.loadCache("strays.json", &all) {
		return all, nil
	}
	var folders []string
	err := t.walk(func(file string, d fs.DirEntry) error {
		dir := path.Dir(file)
		if base := path.Base(file); dir == "." || base != "Makefile" && base != "Kbuild" {
			return nil
		}
		if program(dir) {
			return nil
		}
		text, err := os.ReadFile(filepath.Join(t.Dir, file))
		if err == nil && reachesOut.Match(text) {
			folders = append(folders, dir)
		}
		return err
	})
	if err != nil {
		return nil, fault.Environmentf("source tree: %w", err)
	}
	a, err := t.query(ctx, unique(folders), nil)
	if err != nil {
		return nil, err
	}
	all = a.strays()
	t.storeCache("strays.json", all)
	return all, nil
}

// program reports whether kbuild makes nothing of the kernel itself in dir.
func program(dir string) bool {
	top, _, _ := strings.Cut(dir, "/")
	return top == "scripts" || top == "tools"
}

func (a *answer) strays() map[string]stray {
	all := map[string]stray{}
	for _, dir := range a.dirs() {
		f := a.folders[dir]
		for _, list := range [][]string{f.objY, f.extraY, f.objM} {
			for _, object := range list {
				clean := path.Clean(object)
				elsewhere := object != clean || !strings.HasPrefix(clean, dir+"/")
				if kind := f.kindOf(dir, object); kind != "" && elsewhere && path.Ext(clean) == ".o" {
					all[clean] = stray{object, kind}
				}
			}
		}
	}
	return all
}

// place finds the folder that builds object by that very name, and says what
// becomes of it there. Folders that happened to be asked about may build it by
// another: that is for strays to tell, whatever else is asked.
func (a *answer) place(object string) (placement, error) {
	for _, dir := range a.dirs() {
		f := a.folders[dir]
		kind := f.kindOf(dir, object)
		if kind == "" {
			continue
		}
		return a.placeAs(object, kind)
	}
	return placement{Host: a.host(object)}, nil
}

func (a *answer) placeAs(object string, kind Kind) (placement, error) {
	r, ok := a.recipes[object]
	if !ok || r.command == "" {
		return placement{}, fault.Environmentf("kbuild has no command for %s", object)
	}
	return placement{Object: object, Kind: kind, Command: r.command, Needs: r.needs}, nil
}

// kindOf tells what f links object into, empty where it does not know it.
func (f *folder) kindOf(dir, object string) Kind {
	switch {
	case f.builtin && (slices.Contains(f.objY, object) || slices.Contains(f.extraY, object)):
		return Vmlinux
	case slices.Contains(f.objM, object):
		return Module
	case slices.Contains(f.libY, object) && f.linked(dir):
		return Library
	}
	return ""
}

// linked reports whether vmlinux is linked with the lib.a of dir.
func (f *folder) linked(dir string) bool {
	return slices.ContainsFunc(f.libs, func(lib string) bool { return path.Clean(lib) == dir+"/lib.a" })
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
