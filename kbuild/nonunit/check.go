// Package nonunit refuses changes to what the kernel's build compiles and a livepatch cannot
// change: assembly, the linker script, sources of generated headers, programs of the build, and
// code of other images than vmlinux.
package nonunit

import (
	"context"
	"log/slog"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"kintsugi/internal/diag"
	"kintsugi/internal/fault"
	"kintsugi/internal/report"
	"kintsugi/kbuild"
	"kintsugi/kbuild/catalog"
	"kintsugi/kbuild/compile"
	"kintsugi/kbuild/generate"
	"kintsugi/kbuild/overlay"
)

// Checker checks changes of one tree.
type Checker struct{ Tree *kbuild.Tree }

// CheckNonUnits compares everything that the paths may reach, except the kernel's units, before and
// after the patch. changed are the files of the patch. There is one diagnostic per difference.
func (k *Checker) CheckNonUnits(ctx context.Context, paths []string, changed map[string][]byte, work string) (
	[]report.Diagnostic, error) {
	files, err := reachingOut(k.Tree, paths)
	if err != nil || len(files) == 0 {
		return nil, err
	}
	work, err = filepath.Abs(work)
	if err != nil {
		return nil, fault.Environmentf("work directory: %w", err)
	}
	c, err := catalog.Load(ctx, k.Tree)
	if err != nil {
		return nil, err
	}
	reach, err := c.Reach(k.Tree, files)
	if err != nil {
		return nil, err
	}
	diags, err := compareAll(ctx, k.Tree, c, reach.NonUnits(c), changed, work)
	if len(diags) > 0 || err != nil {
		return diags, err
	}
	return checkGenerated(ctx, k.Tree, c, files, changed, filepath.Join(work, "generated"))
}

// reachingOut returns those of paths that may be part of more than units: headers, and C files that
// are also compiled for another image.
func reachingOut(t *kbuild.Tree, paths []string) ([]string, error) {
	var files []string
	for _, file := range paths {
		image, err := catalog.AlsoInImage(t, file)
		if err != nil {
			return nil, err
		}
		if image != "" || kbuild.IsHeader(file) {
			files = append(files, file)
		}
	}
	return files, nil
}

// compareAll compares what the patch may reach, in parallel.
func compareAll(ctx context.Context, t *kbuild.Tree, c *catalog.Catalog, reached []catalog.NonUnit,
	changed map[string][]byte, work string) ([]report.Diagnostic, error) {
	units := make([]kbuild.Unit, len(reached))
	for i, n := range reached {
		units[i] = kbuild.Unit{Source: n.Source, Object: n.Object, Compile: n.Compile, Needs: n.Needs}
	}
	made, err := generate.Files(ctx, t, units, work)
	if err != nil {
		return nil, err
	}
	maps.Copy(made, c.Made)
	views, err := newViews(t, reached, made, changed, work)
	if err != nil {
		return nil, err
	}
	differ := make([]bool, len(units))
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(t.Parallel())
	for i := range units {
		group.Go(func() (err error) {
			differ[i], err = changes(inner, views, &units[i], reached[i].Deps != nil, work)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var diags []report.Diagnostic
	for i, n := range reached {
		if differ[i] {
			diags = append(diags, diagnostic(t, n))
		}
	}
	return diags, nil
}

// newViews creates views in which the directories of the sources are real, so that a path with ".."
// from there leads to the generated files beside them.
func newViews(t *kbuild.Tree, reached []catalog.NonUnit, made, changed map[string][]byte, work string) (
	*compile.Views, error) {
	views, err := compile.NewViews(t, made, changed, work)
	if err != nil {
		return nil, err
	}
	for _, view := range []*overlay.View{views.Original, views.Patched} {
		for _, n := range reached {
			if err := view.Expose(path.Dir(n.Source)); err != nil {
				return nil, err
			}
		}
	}
	return views, nil
}

// changes reports whether the patch changes the object, or the text of a linker script. A source
// that kbuild has not compiled, and that cannot be compiled, does not change.
func changes(ctx context.Context, v *compile.Views, u *kbuild.Unit, compiled bool, work string) (bool, error) {
	dir := filepath.Join(work, "nonunits", path.Clean(u.Object))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return false, fault.Environmentf("work directory: %w", err)
	}
	original, err := v.Preprocess(ctx, u, v.Original, filepath.Join(dir, "original.i"))
	if err != nil && !compiled && ctx.Err() == nil {
		slog.Debug("not compiled for this kernel", "source", u.Source, "error", err)
		return false, nil
	}
	if err != nil {
		return false, v.Failure(u, v.Original, work, err)
	}
	patched, err := v.Preprocess(ctx, u, v.Patched, filepath.Join(dir, "patched.i"))
	if err != nil {
		return false, v.Failure(u, v.Patched, work, err)
	}
	if original.Sum == patched.Sum || slices.Contains(u.Compile, "-E") {
		return original.Sum != patched.Sum, nil
	}
	before, err := v.Object(ctx, u, v.Original, filepath.Join(dir, "original.o"))
	if err != nil {
		return true, nil // it includes files that only a full build makes
	}
	after, err := v.Object(ctx, u, v.Patched, filepath.Join(dir, "patched.o"))
	if err != nil {
		return false, v.Failure(u, v.Patched, work, err)
	}
	return !compile.SameCode(before, after), nil
}

// diagnostic explains why a livepatch cannot make a change.
func diagnostic(t *kbuild.Tree, n catalog.NonUnit) report.Diagnostic {
	d := report.Found(report.Diagnostic{Code: diag.BuildFile, Source: n.Changed[0],
		Hint: "Make the change in the C files that need it, or in a new header of their own."})
	which, image := strings.Join(n.Changed, ", "), catalog.OtherImage(t, n.Object)
	kernel := slices.Contains(n.Compile, "-nostdinc")
	switch {
	case slices.Contains(n.Compile, "-E"):
		d.Message = which + " changes " + n.Source + ", which controls how the kernel is linked"
	case kernel && path.Ext(n.Object) == ".s":
		d.Message = which + " changes the layout of types that " + n.Source + " exports to assembly"
	case kernel && image != "":
		d.Code = diag.OtherImage
		d.Message = which + " changes the code of " + n.Object + ", which is part of " + image + ", not of vmlinux"
	case kernel && path.Ext(n.Source) == ".S":
		d.Code = diag.Assembly
		d.Message = which + " changes the code of " + n.Source + ", which is assembly"
	default:
		d.Message = which + " changes " + n.Source + ", which runs while the kernel is built"
	}
	return d
}
