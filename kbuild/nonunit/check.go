package kbuild

import (
	"context"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"golang.org/x/sync/errgroup"

	"kintsugi/internal/command"
	"kintsugi/internal/diag"
	"kintsugi/internal/fault"
	"kintsugi/internal/makefile"
	"kintsugi/internal/report"
)

// side is something that the kernel's build compiles and that a livepatch
// cannot change: assembly, the source of a generated header, a program of the
// build, code of another image than vmlinux.
type side struct {
	Source, Object string
	Compile        []string
	Deps           []string // every file that went into it; nil: not known

	needs   []string // generated files that it wants
	changed []string // files of the patch that it may have
}

// as is another source of the same directory, compiled as s is.
func (s side) as(source string) side {
	object := strings.TrimSuffix(source, path.Ext(source)) + ".o"
	other := side{Source: source, Object: object}
	for _, w := range s.Compile {
		switch {
		case path.Clean(w) == s.Source:
			w = source
		case w == s.Object:
			w = object
		}
		other.Compile = append(other.Compile, w)
	}
	return other
}

// sidesBelow reads what kbuild has left in dirs of root about what it made there.
func sidesBelow(root string, dirs []string) []side {
	var sides []side
	seen := map[string]bool{}
	for _, dir := range dirs {
		_ = filepath.WalkDir(filepath.Join(root, dir), func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasPrefix(d.Name(), ".") || path.Ext(name) != ".cmd" {
				return nil
			}
			text, err := os.ReadFile(name)
			if err != nil {
				return nil
			}
			if s := makefile.ReadSaved(text); s != nil && !seen[s.Object] {
				seen[s.Object] = true
				sides = append(sides, side{Source: s.Source, Object: s.Object, Compile: s.Compile, Deps: s.Deps})
			}
			return nil
		})
	}
	sort.Slice(sides, func(i, j int) bool { return sides[i].Object < sides[j].Object })
	return sides
}

// CheckSides compares everything that is compiled besides the units of the
// kernel and that changed files may reach, before and after the patch. What
// comes out different cannot be livepatched: there is a diagnostic for it.
func (t *Tree) CheckSides(ctx context.Context, changed []string, overlay map[string][]byte, work string) ([]report.Diagnostic, error) {
	files, err := t.reachingOut(changed)
	if err != nil || len(files) == 0 {
		return nil, err
	}
	work, err = filepath.Abs(work)
	if err != nil {
		return nil, fault.Environmentf("work directory: %w", err)
	}
	c, err := t.catalog(ctx)
	if err != nil {
		return nil, err
	}
	reach, err := t.reach(c, files)
	if err != nil {
		return nil, err
	}
	sides := reach.sides(c)
	units := make([]Unit, len(sides))
	for i, s := range sides {
		units[i] = Unit{Source: s.Source, Object: s.Object, compile: s.Compile, needs: s.needs}
	}
	made, err := t.generated(ctx, units, work)
	if err != nil {
		return nil, err
	}
	maps.Copy(made, c.Made)
	n, err := t.newNarrower(made, overlay, work)
	if err != nil {
		return nil, err
	}
	n.units = units
	for _, view := range []*shadow{n.original, n.patched} {
		for _, s := range sides { // their ".." leads to what was made beside them
			if err := view.expose(path.Dir(s.Source)); err != nil {
				return nil, err
			}
		}
	}
	changes := make([]bool, len(units))
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(max(1, t.Jobs))
	for i := range units {
		group.Go(func() (err error) {
			changes[i], err = n.changes(inner, i, sides[i].Deps != nil)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var diags []report.Diagnostic
	for i, s := range sides {
		if changes[i] {
			diags = append(diags, s.diagnostic())
		}
	}
	if len(diags) > 0 {
		return diags, nil
	}
	return t.checkGenerated(ctx, c, files, overlay, filepath.Join(work, "generated"))
}

// reachingOut are those of changed files that may be part of more than units:
// headers, and C files that another image is compiled from, too.
func (t *Tree) reachingOut(changed []string) ([]string, error) {
	var files []string
	for _, file := range changed {
		image, err := t.alsoIn(file)
		if err != nil {
			return nil, err
		}
		if image != "" || isHeader(file) {
			files = append(files, file)
		}
	}
	return files, nil
}

// sides returns what the files may reach of all that is no unit: by its
// dependencies where these are known.
func (r *reach) sides(c *catalog) []side {
	var found []side
	add := func(s side, changed []string) {
		if s.changed = changed; len(changed) > 0 {
			found = append(found, s)
		}
	}
	for i := range c.Units {
		if u := &c.Units[i]; path.Ext(u.Source) == ".S" {
			add(side{Source: u.Source, Object: u.Object, Compile: c.text(u.Compile), needs: u.Needs}, r.of(u))
		}
	}
	for _, s := range c.Sides {
		if s.Deps == nil {
			add(s, r.of(&listed{Source: s.Source}))
			continue
		}
		add(s, slices.DeleteFunc(slices.Clone(r.headers), func(h string) bool { return !slices.Contains(s.Deps, h) }))
	}
	return found
}

// changes reports whether the patch makes another object, or for a linker
// script another text, of a side. One that kbuild has not compiled and that
// cannot be is none.
func (n *narrower) changes(ctx context.Context, i int, compiled bool) (bool, error) {
	u := &n.units[i]
	dir := filepath.Join(n.work, "sides", path.Clean(u.Object))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return false, fault.Environmentf("work directory: %w", err)
	}
	original, err := n.preprocess(ctx, u, n.original, filepath.Join(dir, "original.i"))
	if err != nil && !compiled && ctx.Err() == nil {
		slog.Debug("not compiled for this kernel", "source", u.Source, "error", err)
		return false, nil
	}
	if err != nil {
		return false, n.sideFailed(u, "original", err)
	}
	patched, err := n.preprocess(ctx, u, n.patched, filepath.Join(dir, "patched.i"))
	if err != nil {
		return false, n.sideFailed(u, "patched", err)
	}
	if original.sum == patched.sum || slices.Contains(u.compile, "-E") {
		return original.sum != patched.sum, nil
	}
	before, err := n.whole(ctx, u, n.original, filepath.Join(dir, "original.o"))
	if err != nil {
		return true, nil // it wants files that only the whole build makes
	}
	after, err := n.whole(ctx, u, n.patched, filepath.Join(dir, "patched.o"))
	if err != nil {
		return false, n.sideFailed(u, "patched", err)
	}
	return !sameCode(before, after), nil
}

func (n *narrower) sideFailed(u *Unit, which string, err error) error {
	j := &job{unit: u, tree: n.tree, out: n.work}
	if which == "patched" {
		j.of = j
	}
	return j.failure(err)
}

// whole compiles a unit in one step.
func (n *narrower) whole(ctx context.Context, u *Unit, view *shadow, object string) ([]byte, error) {
	n.views.RLock()
	defer n.views.RUnlock()
	cc := stage(compiler(u, view.root, object), "-c")
	cc.Cage = n.tree.Cage
	if _, err := cc.Run(ctx); err != nil {
		return nil, err
	}
	data, err := os.ReadFile(object)
	if err != nil {
		return nil, fault.Environmentf("object of %s: %w", u.Source, err)
	}
	return data, nil
}

// stage has the compiler stop after a stage: -E or -c.
func stage(cc command.Cmd, stop string) command.Cmd {
	cc.Args = slices.DeleteFunc(cc.Args, func(w string) bool { return w == "-c" || w == "-S" || w == "-E" || w == "-P" })
	cc.Args = append([]string{stop}, cc.Args...)
	return cc
}

// diagnostic says why a side stands against a livepatch.
func (s *side) diagnostic() report.Diagnostic {
	d := report.Diagnostic{Code: diag.BuildFile, Severity: diag.Error, Source: s.changed[0],
		Hint: "Make the change in the C files that need it, or in a new header of their own."}
	which := strings.Join(s.changed, ", ")
	kernel := slices.Contains(s.Compile, "-nostdinc")
	switch {
	case slices.Contains(s.Compile, "-E"):
		d.Message = which + " changes " + s.Source + ", by which the kernel is linked"
	case kernel && path.Ext(s.Object) == ".s":
		d.Message = which + " changes what " + s.Source + " tells assembly about the layout of types"
	case kernel && otherImage(s.Object) != "":
		d.Code = diag.OtherImage
		d.Message = which + " changes the code of " + s.Object + ", which is part of " + otherImage(s.Object) + ", not of vmlinux"
	case kernel && path.Ext(s.Source) == ".S":
		d.Code = diag.Assembly
		d.Message = which + " changes the code of " + s.Source + ", which is assembly"
	default:
		d.Message = which + " changes " + s.Source + ", which runs while the kernel is built"
	}
	return d
}
