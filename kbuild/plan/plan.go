// Package plan finds the translation units that the changed files of a patch reach. It reads only
// the pristine tree's makefiles: those of a patch are never run.
package plan

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"kintsugi/internal/diag"
	"kintsugi/internal/fault"
	"kintsugi/internal/includegraph"
	"kintsugi/internal/report"
	"kintsugi/kbuild"
	"kintsugi/kbuild/catalog"
)

// Planner plans for one tree.
type Planner struct{ Tree *kbuild.Tree }

// Plan returns the translation units that the changed files (relative to the tree) reach, sorted by
// object. It returns a diagnostic for each changed file that cannot be handled, or that has no
// effect on this kernel.
//
// Units of modules are returned too; the caller decides whether they can be patched.
func (p *Planner) Plan(ctx context.Context, changed []string) ([]kbuild.Unit, []report.Diagnostic, error) {
	f := finder{tree: p.Tree, reached: map[string][]string{}}
	for _, file := range kbuild.Set(changed) {
		if err := f.add(file); err != nil {
			return nil, nil, err
		}
	}
	if err := f.locateSources(ctx); err != nil {
		return nil, nil, err
	}
	if err := f.addHeaders(ctx); err != nil {
		return nil, nil, err
	}
	if err := f.explainUnreached(); err != nil {
		return nil, nil, err
	}
	slices.SortFunc(f.units, func(a, b kbuild.Unit) int { return strings.Compare(a.Object, b.Object) })
	slices.SortStableFunc(f.diags, func(a, b report.Diagnostic) int { return strings.Compare(a.Source, b.Source) })
	return f.units, f.diags, nil
}

// finder collects the results of Plan.
type finder struct {
	tree    *kbuild.Tree
	sources []string            // changed C files
	headers []string            // changed headers
	reached map[string][]string // candidate source of a unit -> changed files that are part of it
	ofC     includegraph.Graph  // which files include C files
	all     includegraph.Graph  // which files include any file
	placed  map[string]placement
	units   []kbuild.Unit
	diags   []report.Diagnostic
}

func (f *finder) diag(code diag.Code, file, hint, format string, args ...any) {
	f.diags = append(f.diags, report.Found(report.Diagnostic{Code: code, Source: file,
		Message: fmt.Sprintf(format, args...), Hint: hint}))
}

// add adds one changed file. A C file becomes a candidate together with every C file that includes
// it. A file of another kind gets a diagnostic.
func (f *finder) add(file string) error {
	if path.IsAbs(file) || !filepath.IsLocal(file) || path.Clean(file) != file {
		return fault.Inputf("%s: not a path inside the source tree", file)
	}
	if kbuild.IsHeader(file) {
		f.headers = append(f.headers, file)
		return nil
	}
	if d := classify(f.tree, file); d != nil {
		f.diags = append(f.diags, *d)
		return nil
	}
	f.sources = append(f.sources, file)
	includers, err := f.includersOf(file)
	if err != nil {
		return err
	}
	for source := range includers.Closure(file) {
		if path.Ext(source) == ".c" {
			f.reached[source] = append(f.reached[source], file)
		}
	}
	return nil
}

// includersOf returns a graph with all includers of a C file. The small graph shows whether there
// are any; few C files are included.
func (f *finder) includersOf(file string) (graph includegraph.Graph, err error) {
	if f.ofC == nil {
		if f.ofC, err = catalog.IncludesOfC(f.tree); err != nil {
			return nil, err
		}
	}
	if len(f.ofC.Includers(file)) == 0 {
		return f.ofC, nil
	}
	if f.all == nil { // the includers may be included too
		if f.all, err = catalog.Includes(f.tree); err != nil {
			return nil, err
		}
		f.all.ForgetMacros() // macros name only headers
	}
	return f.all, nil
}

// locateSources locates every candidate, and makes units of the candidates that are built.
func (f *finder) locateSources(ctx context.Context) error {
	var candidates []string
	for source := range f.reached {
		if f.tree.Has(source) {
			candidates = append(candidates, source)
		}
	}
	slices.Sort(candidates)
	placed, err := locate(ctx, f.tree, candidates)
	if err != nil {
		return err
	}
	f.placed = placed
	for _, source := range candidates {
		if unit, err := placed[source].unit(source); err != nil {
			return err
		} else if unit != nil {
			unit.Changed = f.reached[source]
			f.units = append(f.units, *unit)
		}
	}
	return nil
}

// addHeaders adds the units that a changed header may reach. Compiling them shows which ones it
// really reaches.
func (f *finder) addHeaders(ctx context.Context) error {
	if len(f.headers) == 0 {
		return nil
	}
	c, err := catalog.Load(ctx, f.tree)
	if err != nil {
		return err
	}
	reach, err := c.Reach(f.tree, f.headers)
	if err != nil {
		return err
	}
	planned := map[string]*kbuild.Unit{}
	for i := range f.units {
		planned[f.units[i].Object] = &f.units[i]
	}
	var added []kbuild.Unit
	for i := range c.Units {
		changed := reach.Of(&c.Units[i])
		if len(changed) == 0 || path.Ext(c.Units[i].Source) != ".c" {
			continue
		}
		if u := planned[c.Units[i].Object]; u != nil {
			u.Changed = kbuild.Set(append(u.Changed, changed...))
			continue
		}
		unit := c.Unit(i)
		unit.Changed, unit.Header = changed, true
		added = append(added, unit)
	}
	f.units = append(f.units, added...)
	return nil
}

// explainUnreached explains why changed C files have no unit.
func (f *finder) explainUnreached() error {
	used := map[string]bool{}
	for _, u := range f.units {
		for _, file := range u.Changed {
			used[file] = true
		}
	}
	for _, file := range f.sources {
		if used[file] {
			continue
		}
		image, err := catalog.IncludedInImage(f.tree, file)
		if err != nil {
			return err
		}
		f.explain(file, cmp.Or(catalog.OtherImage(f.tree, file), image))
	}
	return nil
}

// explain explains why a changed C file reaches no unit. image is the image that contains it
// instead.
func (f *finder) explain(file, image string) {
	switch {
	case f.placed[file].Host:
		f.diag(diag.BuildFile, file, "leave the file out if the fix works without it",
			"%s runs while the kernel is built, but is not part of the kernel", file)
	case image != "":
		f.diag(diag.OtherImage, file, "a livepatch replaces only functions of vmlinux and of modules",
			"%s is part of %s, not of vmlinux", file, image)
	case !f.tree.Has(file):
		// A new file: a patched file may include it. Compiling the units shows whether one does.
	default:
		f.diag(diag.NotInKernel, file,
			"enable the option of its Makefile in the target's config, if the running kernel has it",
			"%s is not compiled with this kernel's config", file)
	}
}

// classify returns the diagnostic for a changed file that is not compiled into a unit of its own,
// or nil for C source of the kernel. Documentation, assembly and build files are handled earlier.
func classify(t *kbuild.Tree, file string) *report.Diagnostic {
	d := new(report.Found(report.Diagnostic{Code: diag.BuildFile, Source: file,
		Hint: "leave the file out if the fix works without it; otherwise the kernel has to be rebuilt"}))
	switch {
	case slices.Contains(headerSources, file) || slices.Contains(t.Arch.Kbuild.Offsets, file):
		d.Message = file + " is compiled only to generate headers for the kernel's build"
	case path.Ext(file) == ".c":
		return nil
	default:
		d.Message = file + " is not C source; its effect on the kernel is unknown"
	}
	return d
}

// headerSources are C files that are compiled only to generate headers, on every architecture (the
// top Kbuild file).
var headerSources = []string{"kernel/bounds.c", "kernel/sched/rq-offsets.c"}
