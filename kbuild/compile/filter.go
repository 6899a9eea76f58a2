package compile

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"

	"golang.org/x/sync/errgroup"

	"kintsugi/internal/fault"
	"kintsugi/kbuild"
	"kintsugi/kbuild/generate"
)

// CompileHeaders is Compile for units that only changed headers may reach. It returns the pairs
// whose code or data changes, or that export a symbol whose type changes, in the order of units. It
// also returns the changed files that any unit was compiled from.
//
// A unit is left out for one of three reasons, cheapest first. Its original includes none of the
// changed files, according to the compiler's dependencies of this or an earlier build. The
// preprocessed texts of original and patched source are equal. The objects of both are equal. Units
// are compiled from the preprocessed text, so comparing it costs nothing extra.
func (c *Compiler) CompileHeaders(ctx context.Context, units []kbuild.Unit, changed map[string][]byte, work string) (
	[]kbuild.Pair, []string, error) {
	if len(units) == 0 {
		return nil, nil, nil
	}
	work, err := filepath.Abs(work)
	if err != nil {
		return nil, nil, fault.Environmentf("work directory: %w", err)
	}
	made, err := generate.Files(ctx, c.Tree, units, work)
	if err != nil {
		return nil, nil, err
	}
	views, err := NewViews(c.Tree, made, changed, work)
	if err != nil {
		return nil, nil, err
	}
	f := &headerFilter{Views: views, changed: changed, cache: openOriginals(c.Tree), reached: map[string]bool{}}
	slog.Info("units that the changed headers may reach", "number", len(units))
	results, err := f.all(ctx, units, work)
	if err != nil {
		return nil, nil, err
	}
	f.cache.prune()
	var pairs []kbuild.Pair
	for _, p := range results {
		if p != nil {
			pairs = append(pairs, *p)
		}
	}
	return pairs, slices.Sorted(maps.Keys(f.reached)), nil
}

// headerFilter finds the units that changed headers affect.
type headerFilter struct {
	*Views
	changed map[string][]byte
	cache   originals

	mu      sync.Mutex
	reached map[string]bool // changed files that units include
}

// all tries all units in parallel.
func (f *headerFilter) all(ctx context.Context, units []kbuild.Unit, work string) ([]*kbuild.Pair, error) {
	results := make([]*kbuild.Pair, len(units))
	errs := make([]error, len(units))
	watch := newWatch(f.tree.Progress, "compile", len(units))
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(f.tree.Parallel())
	for i := range units {
		group.Go(func() error {
			if inner.Err() != nil {
				return nil
			}
			results[i], errs[i] = f.try(inner, &units[i], filepath.Join(work, "units", strconv.Itoa(i)))
			watch.done()
			return errs[i]
		})
	}
	if err := group.Wait(); err != nil {
		return nil, firstOf(ctx, errs)
	}
	return results, nil
}

// firstOf returns the first error that is not just the consequence of another error.
func firstOf(ctx context.Context, errs []error) error {
	var first error
	for _, err := range errs {
		if err != nil && (first == nil || errors.Is(first, context.Canceled)) {
			first = err
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return first
}

// try compiles one unit as far as needed. It returns nil if the unit does not change.
func (f *headerFilter) try(ctx context.Context, u *kbuild.Unit, dir string) (*kbuild.Pair, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fault.Environmentf("work directory: %w", err)
	}
	defer os.RemoveAll(dir)
	pair, err := f.compare(ctx, u, dir)
	if err != nil {
		return nil, f.explain(ctx, u, dir, err)
	}
	return pair, nil
}

func (f *headerFilter) compare(ctx context.Context, u *kbuild.Unit, dir string) (*kbuild.Pair, error) {
	var original *Text // nil if an earlier build has cached its sum
	known := f.cache.load(u)
	if known == nil {
		var err error
		if original, err = f.Preprocess(ctx, u, f.Original, filepath.Join(dir, "original.i")); err != nil {
			return nil, err
		}
		known = &record{Sum: original.Sum, Deps: original.Deps}
		f.cache.store(u, known)
	}
	if !f.includesChanged(known.Deps) && !f.Patched.AddsFiles() {
		return nil, nil
	}
	patched, err := f.Preprocess(ctx, u, f.Patched, filepath.Join(dir, "patched.i"))
	if err != nil {
		return nil, err
	}
	f.noteReached(known.Deps, patched.Deps)
	if patched.Sum == known.Sum {
		return nil, nil
	}
	if original == nil {
		if original, err = f.Preprocess(ctx, u, f.Original, filepath.Join(dir, "original.i")); err != nil {
			return nil, err
		}
	}
	if same, err := original.sameCode(patched); same || err != nil {
		return nil, err
	}
	return f.compileTexts(ctx, u, dir, original, patched)
}

// includesChanged reports whether deps contain a changed file.
func (f *headerFilter) includesChanged(deps []string) bool {
	return slices.ContainsFunc(deps, func(dep string) bool { _, ok := f.changed[dep]; return ok })
}

func (f *headerFilter) noteReached(lists ...[]string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, deps := range lists {
		for _, dep := range deps {
			if _, ok := f.changed[dep]; ok {
				f.reached[dep] = true
			}
		}
	}
}

// compileTexts compiles both texts of a unit.
func (f *headerFilter) compileTexts(ctx context.Context, u *kbuild.Unit, dir string, original, patched *Text) (
	*kbuild.Pair, error) {
	before := f.cache.object(u)
	if before == nil {
		var err error
		if before, err = f.fromText(ctx, u, f.Original, original.File); err != nil {
			return nil, err
		}
		f.cache.storeObject(u, before)
	}
	after, err := f.fromText(ctx, u, f.Patched, patched.File)
	if err != nil {
		return nil, err
	}
	if SameCode(before, after) {
		return sameCodePair(u, before, after), nil
	}
	pair := &kbuild.Pair{Unit: *u, Deps: kbuild.CleanPaths(original.Deps, patched.Deps)}
	if pair.Original, err = f.objtool(ctx, u, filepath.Join(dir, "original.o"), before); err != nil {
		return nil, err
	}
	pair.Patched, err = f.objtool(ctx, u, filepath.Join(dir, "patched.o"), after)
	return pair, err
}

// objtool runs objtool on an object if kbuild would.
func (f *headerFilter) objtool(ctx context.Context, u *kbuild.Unit, file string, object []byte) ([]byte, error) {
	if u.Objtool == nil {
		return object, nil
	}
	if err := os.WriteFile(file, object, 0o644); err != nil {
		return nil, fault.Environmentf("object: %w", err)
	}
	step := objtoolRun(f.tree, u, file)
	if _, err := step.Run(ctx); err != nil {
		return nil, failure(u, false, filepath.Dir(file), err)
	}
	object, err := os.ReadFile(file)
	if err != nil {
		return nil, fault.Environmentf("object: %w", err)
	}
	return object, nil
}
