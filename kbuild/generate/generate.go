// Package generate makes the files that kbuild generates before it compiles some units, and that
// preparing a tree does not make, such as lib/crc32table.h.
package generate

import (
	"context"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"

	"kintsugi/internal/fault"
	"kintsugi/kbuild"
	"kintsugi/kbuild/overlay"
	"kintsugi/kbuild/query"
	"kintsugi/kbuild/toolerr"
)

// Files returns the generated files that the units need, by path relative to the tree. The tree's
// own rules make them in a view below work.
func Files(ctx context.Context, t *kbuild.Tree, units []kbuild.Unit, work string) (map[string][]byte, error) {
	all := map[string][]byte{}
	keys, cache := t.Keys(), t.Cache()
	for _, u := range units {
		if len(u.Needs) == 0 {
			continue
		}
		files := map[string][]byte{}
		name := cacheName(keys, u.Source)
		if !cache.Load(name, &files) {
			view, err := overlay.Buildable(t.Dir, filepath.Join(work, "generate", path.Clean(u.Object)), u.Needs)
			if err != nil {
				return nil, err
			}
			if files, err = In(ctx, t, view, u.Needs); err != nil {
				return nil, err
			}
			cache.Store(name, files)
		}
		maps.Copy(all, files)
	}
	return all, nil
}

func cacheName(keys kbuild.Keys, source string) string { return "generated-" + keys.Unit(source) }

// Keep caches the generated files of a source for Files: those of needs, and the headers that were
// made with them in the same directories.
func Keep(t *kbuild.Tree, keys kbuild.Keys, source string, needs []string, files map[string][]byte) {
	some := map[string][]byte{}
	for _, need := range needs {
		some[need] = files[need]
		for file := range files {
			if path.Dir(file) == path.Dir(need) && path.Ext(file) == ".h" {
				some[file] = files[file]
			}
		}
	}
	t.Cache().Store(cacheName(keys, source), some)
}

// In makes files in a view that is buildable for them. It returns them with the headers that were
// made along the way.
//
// A goal of a directory such as arch/ARCH/lib reaches the make of that directory, and the make of
// the directory above. The latter has no rule for the goal, and fails unless the file already
// exists. So the first run continues after a failure (-k), and the second run must succeed.
func In(ctx context.Context, t *kbuild.Tree, view *overlay.View, needs []string) (map[string][]byte, error) {
	run, done, err := query.Make(t, view.Root, needs)
	if err != nil {
		return nil, err
	}
	defer done()
	run.Args = append(run.Args, "-j"+strconv.Itoa(t.Parallel()))
	all := *run
	all.Args = append(slices.Clone(run.Args), "-k")
	if _, err := all.Run(ctx); err != nil {
		if out, err := run.Run(ctx); err != nil {
			if ctx.Err() != nil {
				return nil, err
			}
			e := fault.Environmentf("kernel build: generated file %s: %w", needs[0], err)
			return nil, toolerr.WithEnd(e, out).Hint("run by hand: %s", run.String())
		}
	}
	return view.Harvest(needs)
}
