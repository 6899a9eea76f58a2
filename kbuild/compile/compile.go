// Package compile compiles units outside the tree, from the original and from the patched source,
// with the commands that kbuild would run.
package compile

import (
	"context"
	"maps"
	"path/filepath"
	"slices"

	"golang.org/x/sync/errgroup"

	"kintsugi/internal/command"
	"kintsugi/internal/fault"
	"kintsugi/kbuild"
	"kintsugi/kbuild/generate"
	"kintsugi/kbuild/overlay"
)

// Compiler compiles units of one tree.
type Compiler struct{ Tree *kbuild.Tree }

// Compile compiles every unit from the pristine tree, and once more with the files of changed in
// place of the tree's. The keys of changed are paths relative to the tree; a nil value deletes the
// file. Each function and datum gets its own section. Compile writes only below work, a directory
// that belongs to this call. The objects do not depend on the path of work.
func (c *Compiler) Compile(ctx context.Context, units []kbuild.Unit, changed map[string][]byte, work string) (
	[]kbuild.Pair, error) {
	return c.compileBoth(ctx, units, nil, changed, work)
}

// compileBoth is Compile with further files, common, that replace those of the tree for both
// originals and patched units.
func (c *Compiler) compileBoth(ctx context.Context, units []kbuild.Unit, common, changed map[string][]byte,
	work string) (
	[]kbuild.Pair, error) {
	work, err := filepath.Abs(work)
	if err != nil {
		return nil, fault.Environmentf("work directory: %w", err)
	}
	made, err := generate.Files(ctx, c.Tree, units, work)
	if err != nil {
		return nil, err
	}
	maps.Copy(made, common)
	original, err := overlay.New(c.Tree.Dir, filepath.Join(work, "pristine"), withEmpty(made, units))
	if err != nil {
		return nil, err
	}
	patched, err := overlay.Patched(c.Tree.Dir, filepath.Join(work, "tree"), made, changed)
	if err != nil {
		return nil, err
	}
	var jobs []*job
	for i := range units {
		a := &job{unit: &units[i], tree: c.Tree, view: original, out: filepath.Join(work, "original")}
		b := &job{unit: &units[i], tree: c.Tree, view: patched, out: filepath.Join(work, "patched"), of: a}
		jobs = append(jobs, a, b)
	}
	if err := runAll(ctx, c.Tree, jobs); err != nil {
		return nil, err
	}
	var pairs []kbuild.Pair
	for i, u := range units {
		a, b := jobs[2*i], jobs[2*i+1]
		deps := kbuild.CleanPaths(a.deps, b.deps)
		pairs = append(pairs, kbuild.Pair{Unit: u, Original: a.object, Patched: b.object, Deps: deps})
	}
	return pairs, nil
}

// withEmpty adds an empty file for every unit whose source does not exist in the pristine tree, so
// that all units have an original.
func withEmpty(files map[string][]byte, units []kbuild.Unit) map[string][]byte {
	all := maps.Clone(files)
	for _, u := range units {
		if u.New {
			all[u.Source] = []byte{}
		}
	}
	return all
}

// CompilePlain compiles the pristine unit as the kernel's own build does, with all functions in one
// section. Only then can the assembler shorten jumps between functions, so some functions are
// byte-identical to the image only in this form. CompilePlain writes only below work.
func (c *Compiler) CompilePlain(ctx context.Context, u kbuild.Unit, work string) ([]byte, error) {
	work, err := filepath.Abs(work)
	if err != nil {
		return nil, fault.Environmentf("work directory: %w", err)
	}
	made, err := generate.Files(ctx, c.Tree, []kbuild.Unit{u}, work)
	if err != nil {
		return nil, err
	}
	view, err := overlay.New(c.Tree.Dir, filepath.Join(work, "pristine"), made)
	if err != nil {
		return nil, err
	}
	j := &job{unit: &u, tree: c.Tree, view: view, out: filepath.Join(work, "plain"), plain: true}
	if err := runAll(ctx, c.Tree, []*job{j}); err != nil {
		return nil, err
	}
	return j.object, nil
}

// Command returns the compiler's run that makes the original object of u.
func (c *Compiler) Command(u kbuild.Unit, object string) command.Cmd {
	return caged(c.Tree, compilerRun(&u, c.Tree.Dir, object))
}

// runAll runs jobs. A job that read a file of the tree instead of the view's replacement runs
// again, until there is none. If several jobs fail, runAll returns the error of the first, and
// originals come before patched units: a kernel that does not compile unpatched proves nothing
// about the patch.
func runAll(ctx context.Context, t *kbuild.Tree, jobs []*job) error {
	for todo := jobs; len(todo) > 0; {
		runJobs(ctx, t, todo)
		var err error
		if todo, err = escaped(jobs); err != nil {
			return err
		}
	}
	for _, patched := range []bool{false, true} {
		for _, j := range jobs {
			if (j.of != nil) == patched && j.err != nil {
				return j.err
			}
		}
	}
	return nil
}

// runJobs runs jobs in parallel.
func runJobs(ctx context.Context, t *kbuild.Tree, jobs []*job) {
	var group errgroup.Group
	group.SetLimit(t.Parallel())
	for _, j := range jobs {
		group.Go(func() error {
			j.err = j.run(ctx)
			return nil
		})
	}
	_ = group.Wait()
}

// escaped returns the jobs that left their view. It makes the directories through which they left
// real directories, so that the jobs can run again.
func escaped(jobs []*job) ([]*job, error) {
	var again []*job
	escapes := map[*job][]string{}
	for _, j := range jobs {
		dirs, err := j.view.Escapes(j.read())
		if err != nil {
			return nil, err
		}
		if len(dirs) > 0 {
			again = append(again, j)
			escapes[j] = dirs
		}
	}
	for _, j := range again {
		for _, dir := range escapes[j] {
			if err := j.view.Expose(dir); err != nil {
				return nil, err
			}
		}
	}
	return slices.Clip(again), nil
}
