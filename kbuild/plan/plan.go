package kbuild

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sort"

	"kintsugi/internal/diag"
	"kintsugi/internal/fault"
	"kintsugi/internal/includegraph"
	"kintsugi/internal/report"
)

// Plan returns the translation units that have to be compiled again because
// the changed files (relative to the tree) reach them, sorted by object, and
// a diagnostic for each changed file that cannot be dealt with or does not
// matter to this kernel. It asks the pristine tree's makefiles only: what a
// patch does to build files is never run.
//
// Units of modules are returned too; whether they can be patched is for the
// caller to say.
func (t *Tree) Plan(ctx context.Context, changed []string) ([]Unit, []report.Diagnostic, error) {
	p := planner{tree: t, reached: map[string][]string{}}
	for _, file := range unique(slices.Clone(changed)) {
		if err := p.add(file); err != nil {
			return nil, nil, err
		}
	}
	if err := p.place(ctx); err != nil {
		return nil, nil, err
	}
	if err := p.addHeaders(ctx); err != nil {
		return nil, nil, err
	}
	if err := p.judge(); err != nil {
		return nil, nil, err
	}
	sort.Slice(p.units, func(i, j int) bool { return p.units[i].Object < p.units[j].Object })
	sort.SliceStable(p.diags, func(i, j int) bool { return p.diags[i].Source < p.diags[j].Source })
	return p.units, p.diags, nil
}

// planner collects what Plan returns.
type planner struct {
	tree    *Tree
	sources []string            // changed C files
	headers []string            // changed headers
	reached map[string][]string // candidate source of a unit -> changed files that are part of it
	ofC     includegraph.Graph  // which files include C files
	all     includegraph.Graph  // which files include any file
	placed  map[string]placement
	units   []Unit
	diags   []report.Diagnostic
}

func (p *planner) diag(severity diag.Severity, code diag.Code, file, hint, format string, args ...any) {
	p.diags = append(p.diags, report.Diagnostic{Code: code, Severity: severity, Source: file,
		Message: fmt.Sprintf(format, args...), Hint: hint})
}

// add notes one changed file: C files become candidates together with every C
// file that includes them, the others a diagnostic.
func (p *planner) add(file string) error {
	if path.IsAbs(file) || !filepath.IsLocal(file) || path.Clean(file) != file {
		return fault.Inputf("%s: not a path inside the source tree", file)
	}
	if isHeader(file) {
		p.headers = append(p.headers, file)
		return nil
	}
	if d := classify(file); d != nil {
		p.diags = append(p.diags, *d)
		return nil
	}
	p.sources = append(p.sources, file)
	includers, err := p.includersOf(file)
	if err != nil {
		return err
	}
	for _, source := range sourcesOf(includers.Closure(file)) {
		p.reached[source] = append(p.reached[source], file)
	}
	return nil
}

// includersOf is a table that tells who includes a C file. Nearly none is
// included by any other, which a small table tells.
func (p *planner) includersOf(file string) (table includegraph.Graph, err error) {
	if p.ofC == nil {
		if p.ofC, err = p.tree.includersOfC(); err != nil {
			return nil, err
		}
	}
	if len(p.ofC.Includers(file)) == 0 {
		return p.ofC, nil
	}
	if p.all == nil { // for files that others may include in turn
		if p.all, err = p.tree.includers(); err != nil {
			return nil, err
		}
		p.all.ForgetMacros() // macros name headers alone
	}
	return p.all, nil
}

// place asks where every candidate is built and turns those that are built
// into units.
func (p *planner) place(ctx context.Context) error {
	var candidates []string
	for source := range p.reached {
		if p.tree.has(source) {
			candidates = append(candidates, source)
		}
	}
	sort.Strings(candidates)
	placed, err := p.tree.locate(ctx, candidates)
	if err != nil {
		return err
	}
	p.placed = placed
	for _, source := range candidates {
		if unit, err := placed[source].unit(source); err != nil {
			return err
		} else if unit != nil {
			unit.Changed = p.reached[source]
			p.units = append(p.units, *unit)
		}
	}
	return nil
}

// judge says of every changed C file that reaches no unit why it does not.
func (p *planner) judge() error {
	used := map[string]bool{}
	for _, u := range p.units {
		for _, file := range u.Changed {
			used[file] = true
		}
	}
	for _, file := range p.sources {
		if used[file] {
			continue
		}
		image, err := p.tree.includedIn(file)
		if err != nil {
			return err
		}
		p.unused(file, cmp.Or(otherImage(file), image))
	}
	return nil
}

// unused says why a changed C file reaches no unit; image is the one that it
// is part of instead.
func (p *planner) unused(file, image string) {
	switch {
	case p.placed[file].Host:
		p.diag(diag.Error, diag.BuildFile, file, "leave the file out if the fix works without it", "%s runs while the kernel is built and is not part of it", file)
	case image != "":
		p.diag(diag.Error, diag.OtherImage, file, "livepatch replaces functions of vmlinux and of modules only",
			"%s is part of %s, not of vmlinux", file, image)
	case !p.tree.has(file):
		// A new file: a patched one may include it. Reached tells, when
		// the units are compiled.
	default:
		p.diag(diag.Warning, diag.NotInKernel, file, "look for the option that its Makefile builds it under in the target's config", "%s is not compiled with this kernel's config", file)
	}
}

func (t *Tree) has(file string) bool {
	info, err := os.Stat(filepath.Join(t.Dir, file))
	return err == nil && info.Mode().IsRegular()
}

// classify returns the diagnostic for a changed file that is compiled into no
// unit of its own, nil for C source of the kernel. Documentation, assembly and
// build files have been told apart before anything is planned.
func classify(file string) *report.Diagnostic {
	d := &report.Diagnostic{Severity: diag.Error, Source: file}
	switch ext := path.Ext(file); {
	case buildSources[file]:
		d.Code, d.Message = diag.BuildFile, file+" is compiled only to generate headers for the kernel's build"
		d.Hint = "leave the file out if the fix works without it; otherwise the kernel has to be rebuilt"
	case ext == ".c":
		return nil
	default:
		d.Code, d.Message = diag.BuildFile, file+" is not C source; its effect on the kernel is not known"
		d.Hint = "leave the file out if the fix works without it; otherwise the kernel has to be rebuilt"
	}
	return d
}

// buildSources are C files that are compiled only to generate headers (the
// top Kbuild file).
var buildSources = map[string]bool{
	"kernel/bounds.c":                  true,
	"arch/x86/kernel/asm-offsets.c":    true,
	"arch/x86/kernel/asm-offsets_32.c": true,
	"arch/x86/kernel/asm-offsets_64.c": true,
	"kernel/sched/rq-offsets.c":        true,
}
