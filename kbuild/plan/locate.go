package plan

import (
	"context"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"kintsugi/internal/fault"
	"kintsugi/kbuild"
	"kintsugi/kbuild/catalog"
	"kintsugi/kbuild/query"
)

// placement describes where kbuild puts the object of one source file, and how it makes the object.
// The zero value means that the source is not built with this configuration.
type placement struct {
	Object  string      // empty: not built
	Kind    kbuild.Kind // what it is linked into
	Host    bool        // source of a program that runs while the kernel is built
	Command string      // the recipe, a line for a shell
	Needs   []string    // generated files that the recipe needs
}

// unit returns the placement as a unit, or nil if the source is not built.
func (p placement) unit(source string) (*kbuild.Unit, error) {
	if p.Object == "" {
		return nil, nil
	}
	return query.Recipe{Command: p.Command}.Unit(source, p.Object, p.Kind, p.Needs)
}

// locate returns the placement of every source. Placements are cached.
func locate(ctx context.Context, t *kbuild.Tree, sources []string) (map[string]placement, error) {
	placed := map[string]placement{}
	var unknown []string
	keys, cache := t.Keys(), t.Cache()
	for _, source := range sources {
		var p placement
		if cache.Load(keys.Unit(source), &p) {
			placed[source] = p
		} else {
			unknown = append(unknown, source)
		}
	}
	if len(unknown) == 0 {
		return placed, nil
	}
	found, err := ask(ctx, t, unknown)
	if err != nil {
		return nil, err
	}
	for source, p := range found {
		p.Needs = t.Missing(p.Needs)
		placed[source] = p
		cache.Store(keys.Unit(source), p)
	}
	return placed, nil
}

// ask asks kbuild for placements. The makefile of an object's own directory, or of one above it,
// names nearly every object.
func ask(ctx context.Context, t *kbuild.Tree, sources []string) (map[string]placement, error) {
	var folders, objects []string
	for _, source := range sources {
		folders = append(folders, parents(source)...)
		objects = append(objects, objectOf(source))
	}
	a, err := query.Ask(ctx, t, kbuild.Set(folders), objects)
	if err != nil {
		return nil, err
	}
	placed := map[string]placement{}
	var unplaced []string
	for _, source := range sources {
		p, err := place(a, objectOf(source))
		if err != nil {
			return nil, err
		}
		placed[source] = p
		if p.Object == "" && !p.Host {
			unplaced = append(unplaced, source)
		}
	}
	if len(unplaced) > 0 {
		return placed, askElsewhere(ctx, t, unplaced, placed)
	}
	return placed, nil
}

// askElsewhere places sources whose objects are named by a makefile outside their parent
// directories.
func askElsewhere(ctx context.Context, t *kbuild.Tree, sources []string, placed map[string]placement) error {
	all, err := outOfDir(ctx, t)
	if err != nil {
		return err
	}
	var objects []string
	found := map[string]outOfDirObject{}
	for _, source := range sources {
		if o, ok := all[objectOf(source)]; ok {
			found[source] = o
			objects = append(objects, o.Object)
		}
	}
	if len(objects) == 0 {
		return nil
	}
	a, err := query.Ask(ctx, t, nil, objects)
	if err != nil {
		return err
	}
	for source, o := range found {
		if placed[source], err = placeAs(a, o.Object, o.Kind); err != nil {
			return err
		}
	}
	return nil
}

// outOfDirObject is an object that a makefile builds outside its own directory.
type outOfDirObject struct {
	Object string // kbuild's name
	Kind   kbuild.Kind
}

var reachesOut = regexp.MustCompile(`(?m)^[^#\n]*(\.\.|include[ \t]+\$\(srctree\))`)

// outOfDir returns all such objects of the tree by their clean path, for example
// ../../../virt/kvm/kvm_main.o of KVM's directories. The result is cached. It asks about
// directories whose makefile contains "..", or parts in another directory.
func outOfDir(ctx context.Context, t *kbuild.Tree) (map[string]outOfDirObject, error) {
	all := map[string]outOfDirObject{}
	if t.Cache().Load("strays.json", &all) {
		return all, nil
	}
	var folders []string
	err := catalog.Makefiles(t, func(file string) error {
		text, err := os.ReadFile(filepath.Join(t.Dir, file))
		if err == nil && reachesOut.Match(text) {
			folders = append(folders, path.Dir(file))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	a, err := query.Ask(ctx, t, kbuild.Set(folders), nil)
	if err != nil {
		return nil, err
	}
	all = outOfDirIn(a)
	t.Cache().Store("strays.json", all)
	return all, nil
}

func outOfDirIn(a *query.Answer) map[string]outOfDirObject {
	all := map[string]outOfDirObject{}
	for _, dir := range a.Dirs() {
		f := a.Folders[dir]
		for _, object := range f.Objects() {
			clean := path.Clean(object)
			elsewhere := object != clean || !strings.HasPrefix(clean, dir+"/")
			if kind := f.KindOf(dir, object); kind != "" && elsewhere && path.Ext(clean) == ".o" {
				all[clean] = outOfDirObject{object, kind}
			}
		}
	}
	return all
}

// place returns the folder that builds object under this very name, and what it links the object
// into. Other folders of the answer may build the object under another name. Such objects are left
// to outOfDir, so that a placement does not depend on the other questions of the run.
func place(a *query.Answer, object string) (placement, error) {
	for _, dir := range a.Dirs() {
		if kind := a.Folders[dir].KindOf(dir, object); kind != "" {
			return placeAs(a, object, kind)
		}
	}
	return placement{Host: a.HostProgram(object)}, nil
}

func placeAs(a *query.Answer, object string, kind kbuild.Kind) (placement, error) {
	r, ok := a.Recipes[object]
	if !ok || r.Command == "" {
		return placement{}, fault.Environmentf("kbuild has no command for %s", object)
	}
	return placement{Object: object, Kind: kind, Command: r.Command, Needs: r.Needs}, nil
}

// parents returns the directories above file, except the top of the tree: a and a/b for a/b/c.c.
func parents(file string) []string {
	var dirs []string
	for dir := path.Dir(file); dir != "." && dir != "/"; dir = path.Dir(dir) {
		dirs = append(dirs, dir)
	}
	return dirs
}

func objectOf(source string) string { return strings.TrimSuffix(source, ".c") + ".o" }
