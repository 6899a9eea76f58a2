package plan

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"kintsugi/internal/diag"
	"kintsugi/internal/fault"
	"kintsugi/internal/kconfig"
	"kintsugi/internal/makefile"
	"kintsugi/internal/report"
	"kintsugi/kbuild"
	"kintsugi/kbuild/query"
)

// PlanNew returns the units of new files, sorted by object. It returns a diagnostic for each new
// object that cannot be handled, or that this kernel's configuration leaves out. It asks kbuild, in
// the pristine tree, how it would make such objects.
func (p *Planner) PlanNew(ctx context.Context, objects []makefile.Object) ([]kbuild.Unit, []report.Diagnostic, error) {
	if len(objects) == 0 {
		return nil, nil, nil
	}
	config, err := autoConf(p.Tree)
	if err != nil {
		return nil, nil, err
	}
	var folders []string
	for _, o := range objects {
		folders = append(folders, path.Dir(o.Makefile()))
	}
	a, err := query.Ask(ctx, p.Tree, kbuild.Set(folders), nil)
	if err != nil {
		return nil, nil, err
	}
	f := newFinder{tree: p.Tree, config: config, answer: a, placed: map[string]*newPlace{}}
	for i := range objects {
		f.place(&objects[i])
	}
	units, err := f.units(ctx)
	return units, f.diags, err
}

// autoConf returns the configuration in the form that kbuild's makefiles read.
func autoConf(t *kbuild.Tree) (kconfig.Config, error) {
	data, err := os.ReadFile(filepath.Join(t.Dir, "include/config/auto.conf"))
	if err != nil {
		return nil, fault.Environmentf("configuration of the tree: %w", err)
	}
	config, err := kconfig.Parse(data)
	if err != nil {
		return nil, fault.Environmentf("include/config/auto.conf: %w", err)
	}
	return config, nil
}

// newFinder collects the results of PlanNew.
type newFinder struct {
	tree   *kbuild.Tree
	config kconfig.Config
	answer *query.Answer
	placed map[string]*newPlace // by source
	diags  []report.Diagnostic
}

// newPlace is where the object of a new source belongs.
type newPlace struct {
	kind   kbuild.Kind
	owners []string // the composite objects, without .o, that it is linked into; itself if there are none
}

func (f *newFinder) diag(code diag.Code, o *makefile.Object, hint, format string, args ...any) {
	f.diags = append(f.diags, report.Found(report.Diagnostic{Code: code, Source: o.Source,
		Message: fmt.Sprintf(format, args...), Hint: hint}))
}

// place finds the objects into which o is linked, by the rules of scripts/Makefile.lib.
func (f *newFinder) place(o *makefile.Object) {
	dir := path.Dir(o.Makefile())
	folder, when := f.answer.Folders[dir], o.When
	if symbol, ok := strings.CutPrefix(when, "CONFIG_"); ok {
		when = f.config[symbol]
	}
	switch {
	case path.Base(o.Makefile()) == "Makefile" && f.tree.Has(path.Join(dir, "Kbuild")):
		f.diag(diag.BuildFile, o, "add the line to "+path.Join(dir, "Kbuild"),
			"kbuild does not read %s, because the directory has a Kbuild file", o.Makefile())
	case folder == nil:
		f.leftOut(o, dir+" is not built with this kernel's config")
	case when == "":
		f.leftOut(o, o.When+" is not set in this kernel's config")
	case o.List == "obj":
		f.placeAlone(o, when, folder.Builtin)
	default:
		f.placePart(o, when, folder, dir)
	}
}

// placeAlone places an object that is not part of another object.
func (f *newFinder) placeAlone(o *makefile.Object, when string, builtin bool) {
	switch {
	case when == "m":
		f.diag(diag.BuildFile, o,
			"make it part of vmlinux or of an existing module, or build and load it as a module of its own first",
			"%s would be a module of its own, but a livepatch only changes loaded code", o.Source)
	case when == "y" && builtin:
		f.put(o, kbuild.Vmlinux, strings.TrimSuffix(path.Base(o.Source), ".c"))
	default:
		f.leftOut(o, "nothing of "+path.Dir(o.Makefile())+" is built into the kernel")
	}
}

// placePart places an object that becomes part of another object.
func (f *newFinder) placePart(o *makefile.Object, when string, folder *query.Folder, dir string) {
	switch kind := folder.Composite(o.List, dir); {
	case kind == "":
		f.diag(diag.BuildFile, o, "add the file to obj-y, or to an object that has other parts already",
			"%s.o is not made of several objects in this kernel, so %s cannot become part of it", o.List, o.Source)
	case kind == kbuild.Module:
		f.put(o, kbuild.Module, o.List)
	case when == "m" || !folder.Builtin:
		f.leftOut(o, o.List+".o is not a module in this kernel's config")
	default:
		f.put(o, kbuild.Vmlinux, o.List)
	}
}

func (f *newFinder) leftOut(o *makefile.Object, why string) {
	f.diag(diag.NotInKernel, o, "", "%s is not compiled into this kernel: %s", o.Source, why)
}

func (f *newFinder) put(o *makefile.Object, kind kbuild.Kind, owner string) {
	at := f.placed[o.Source]
	if at == nil {
		at = &newPlace{kind: kind}
		f.placed[o.Source] = at
	}
	if kind == kbuild.Vmlinux {
		at.kind = kbuild.Vmlinux // kbuild never builds an object both into vmlinux and into a module
	}
	at.owners = kbuild.Set(append(at.owners, owner))
}

// units asks kbuild for the commands. The makefiles do not know the new objects, so the command
// line sets the variables that they would derive.
func (f *newFinder) units(ctx context.Context) ([]kbuild.Unit, error) {
	if len(f.placed) == 0 {
		return nil, nil
	}
	sources := slices.Sorted(maps.Keys(f.placed))
	var objects []string
	for _, source := range sources {
		objects = append(objects, objectOf(source))
	}
	a, err := query.Ask(ctx, f.tree, nil, objects, f.settings(sources)...)
	if err != nil {
		return nil, err
	}
	var units []kbuild.Unit
	for _, source := range sources {
		placed, err := placeAs(a, objectOf(source), f.placed[source].kind)
		if err != nil {
			return nil, err
		}
		placed.Needs = slices.DeleteFunc(f.tree.Missing(placed.Needs), func(file string) bool { return file == source })
		unit, err := placed.unit(source)
		if err != nil {
			return nil, err
		}
		unit.New, unit.Changed = true, []string{source}
		units = append(units, *unit)
	}
	return units, nil
}

// settings returns the make variables with which kbuild makes the objects of sources in their
// place.
func (f *newFinder) settings(sources []string) []string {
	var settings []string
	for _, source := range sources {
		at, object := f.placed[source], objectOf(source)
		settings = append(settings, "kintsugi-owner-"+object+"="+strings.Join(at.owners, " "))
		if at.kind == kbuild.Module {
			settings = append(settings, "kintsugi-module-"+object+"=y")
		}
	}
	slices.Sort(settings)
	return append(settings, "kintsugi_new="+strings.Join(sources, " "),
		"__modname=$(kintsugi-owner-$@)", "part-of-module=$(kintsugi-module-$@)",
		"part-of-builtin=$(if $(kintsugi-module-$@),,y)")
}
