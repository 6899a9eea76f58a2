package kbuild

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"kintsugi/internal/diag"
	"kintsugi/internal/fault"
	"kintsugi/internal/kconfig"
	"kintsugi/internal/report"
)

// NewObject is an object that a patch adds to what a directory is built of.
type NewObject struct {
	Source   string // C file that the pristine tree has not
	Makefile string // of the directory, which names the object
	List     string // "obj", or the name, without .o, of the object that it becomes part of
	When     string // y, m, objs, or the name of a symbol, CONFIG_X, whose value says which
}

// PlanNew returns the units that new files make, sorted by object, and a
// diagnostic for each new object that cannot be dealt with or that this
// kernel's configuration leaves out. Kbuild is asked, in the pristine tree,
// how it would make such an object there.
func (t *Tree) PlanNew(ctx context.Context, objects []NewObject) ([]Unit, []report.Diagnostic, error) {
	if len(objects) == 0 {
		return nil, nil, nil
	}
	config, err := t.autoConf()
	if err != nil {
		return nil, nil, err
	}
	var folders []string
	for _, o := range objects {
		folders = append(folders, path.Dir(o.Makefile))
	}
	a, err := t.query(ctx, unique(folders), nil)
	if err != nil {
		return nil, nil, err
	}
	p := newPlanner{tree: t, config: config, answer: a, placed: map[string]*newPlace{}}
	for i := range objects {
		p.place(&objects[i])
	}
	units, err := p.units(ctx)
	return units, p.diags, err
}

// autoConf is the configuration as kbuild's makefiles see it.
func (t *Tree) autoConf() (kconfig.Config, error) {
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

type newPlanner struct {
	tree   *Tree
	config kconfig.Config
	answer *answer
	placed map[string]*newPlace // by source
	diags  []report.Diagnostic
}

// newPlace is where the object of a new source belongs.
type newPlace struct {
	kind   Kind
	owners []string // the objects, without .o, that it is linked into first; itself where none
}

func (p *newPlanner) diag(severity diag.Severity, code diag.Code, o *NewObject, hint, format string, args ...any) {
	p.diags = append(p.diags, report.Diagnostic{Code: code, Severity: severity, Source: o.Source, Message: fmt.Sprintf(format, args...), Hint: hint})
}

// place decides what becomes of one object, as scripts/Makefile.lib does.
func (p *newPlanner) place(o *NewObject) {
	dir := path.Dir(o.Makefile)
	f, when := p.answer.folders[dir], o.When
	if symbol, ok := strings.CutPrefix(when, "CONFIG_"); ok {
		when = p.config[symbol]
	}
	switch composite := f != nil && f.partOf(o.List, dir); {
	case path.Base(o.Makefile) == "Makefile" && p.tree.has(path.Join(dir, "Kbuild")):
		p.diag(diag.Error, diag.BuildFile, o, "add the line to "+path.Join(dir, "Kbuild"), "%s is not what kbuild reads in a directory with a Kbuild file", o.Makefile)
	case f == nil:
		p.leftOut(o, dir+" is not built with this kernel's config")
	case when == "":
		p.leftOut(o, o.When+" is not set in this kernel's config")
	case o.List == "obj" && when == "m":
		p.diag(diag.Error, diag.BuildFile, o, "make it part of vmlinux or of a module that there is, or build it as a module of its own and load that first",
			"%s would be a module of its own, and a livepatch changes what is loaded already", o.Source)
	case o.List == "obj" && when == "y" && f.builtin:
		p.put(o, Vmlinux, strings.TrimSuffix(path.Base(o.Source), ".c"))
	case o.List == "obj":
		p.leftOut(o, "nothing of "+dir+" is built into the kernel")
	case !composite:
		p.diag(diag.Error, diag.BuildFile, o, "add the file to obj-y, or to an object that has other parts already",
			"%s.o is not made of several objects in this kernel, so %s cannot become part of it", o.List, o.Source)
	case f.multi(f.multiM, o.List, dir):
		p.put(o, Module, o.List)
	case when == "m" || !f.builtin:
		p.leftOut(o, o.List+".o is not a module in this kernel's config")
	default:
		p.put(o, Vmlinux, o.List)
	}
}

func (p *newPlanner) leftOut(o *NewObject, why string) {
	p.diag(diag.Warning, diag.NotInKernel, o, "", "%s is not compiled into this kernel: %s", o.Source, why)
}

func (p *newPlanner) put(o *NewObject, kind Kind, owner string) {
	at := p.placed[o.Source]
	if at == nil {
		at = &newPlace{kind: kind}
		p.placed[o.Source] = at
	}
	if kind == Vmlinux {
		at.kind = Vmlinux // kbuild builds no object both in and as a module
	}
	at.owners = unique(append(at.owners, owner))
}

// partOf reports whether list is an object that f builds of several others.
func (f *folder) partOf(list, dir string) bool {
	return f.multi(f.multiY, list, dir) || f.multi(f.multiM, list, dir)
}

// multi looks for the object of that name in a list of kbuild's, where it may
// have its directory before it or not.
func (f *folder) multi(objects []string, name, dir string) bool {
	return slices.Contains(objects, name+".o") || slices.Contains(objects, path.Join(dir, name)+".o")
}

// units asks kbuild for the commands. The makefiles do not know the objects:
// what they would derive from knowing them is said on the command line.
func (p *newPlanner) units(ctx context.Context) ([]Unit, error) {
	var objects, settings []string
	sources := make([]string, 0, len(p.placed))
	for source, at := range p.placed {
		object := objectOf(source)
		sources, objects = append(sources, source), append(objects, object)
		settings = append(settings, "kintsugi-owner-"+object+"="+strings.Join(at.owners, " "))
		if at.kind == Module {
			settings = append(settings, "kintsugi-module-"+object+"=y")
		}
	}
	if len(sources) == 0 {
		return nil, nil
	}
	sort.Strings(sources)
	sort.Strings(objects)
	sort.Strings(settings)
	settings = append(settings, "kintsugi_new="+strings.Join(sources, " "),
		"__modname=$(kintsugi-owner-$@)", "part-of-module=$(kintsugi-module-$@)", "part-of-builtin=$(if $(kintsugi-module-$@),,y)")
	a, err := p.tree.query(ctx, nil, objects, settings...)
	if err != nil {
		return nil, err
	}
	var units []Unit
	for _, source := range sources {
		placed, err := a.placeAs(objectOf(source), p.placed[source].kind)
		if err != nil {
			return nil, err
		}
		placed.Needs = slices.DeleteFunc(p.tree.missing(placed.Needs), func(file string) bool { return file == source })
		unit, err := placed.unit(source)
		if err != nil {
			return nil, err
		}
		unit.New, unit.Changed = true, []string{source}
		units = append(units, *unit)
	}
	return units, nil
}

// withEmpty is files and an empty one for every unit that the pristine tree
// has no source of, so that all units have an original.
func withEmpty(files map[string][]byte, units []Unit) map[string][]byte {
	all := maps.Clone(files)
	for _, u := range units {
		if u.New {
			all[u.Source] = []byte{}
		}
	}
	return all
}
