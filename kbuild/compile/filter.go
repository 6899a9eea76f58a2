package kbuild

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"sync"

	"golang.org/x/sync/errgroup"

	"kintsugi/internal/command"
	"kintsugi/internal/ctext"
	"kintsugi/internal/fault"
	"kintsugi/internal/makefile"
)

// CompileHeaders is Compile for units that only a header's change may reach.
// It returns the pairs of those whose code or data does change, in the order
// of units, and the changed files that any unit was compiled from.
//
// A unit is left out for one of three reasons, cheapest first: its original
// has none of the files, as the compiler's dependencies of an earlier build or
// of this one say; the preprocessor makes the same text of original and
// patched source; the compiler makes the same object of both. What is
// preprocessed is compiled from that text, so the comparison costs no more
// than the compilation has to.
func (t *Tree) CompileHeaders(ctx context.Context, units []Unit, overlay map[string][]byte, work string) ([]Pair, []string, error) {
	if len(units) == 0 {
		return nil, nil, nil
	}
	work, err := filepath.Abs(work)
	if err != nil {
		return nil, nil, fault.Environmentf("work directory: %w", err)
	}
	made, err := t.generated(ctx, units, work)
	if err != nil {
		return nil, nil, err
	}
	n, err := t.newNarrower(made, overlay, work)
	if err != nil {
		return nil, nil, err
	}
	n.units = units
	slog.Info("units that the changed headers may reach", "number", len(units))
	results := make([]*Pair, len(units))
	errs := make([]error, len(units))
	watch := t.watch("compile", len(units))
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(max(1, t.Jobs))
	for i := range units {
		group.Go(func() error {
			if inner.Err() != nil {
				return nil
			}
			results[i], errs[i] = n.try(inner, i)
			watch.done()
			return errs[i]
		})
	}
	if err := group.Wait(); err != nil {
		return nil, nil, firstOf(errs, ctx)
	}
	n.cache.prune()
	var pairs []Pair
	for _, p := range results {
		if p != nil {
			pairs = append(pairs, *p)
		}
	}
	return pairs, slices.Sorted(maps.Keys(n.reached)), nil
}

// firstOf is the first error that says more than that another one came first.
func firstOf(errs []error, ctx context.Context) error {
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

// narrower finds out which units a change of headers matters to.
type narrower struct {
	tree              *Tree
	units             []Unit
	overlay           map[string][]byte
	original, patched *shadow
	views             sync.RWMutex // held for reading while a view is compiled in
	cache             *originals
	work              string

	mu      sync.Mutex
	reached map[string]bool // changed files that a unit has
}

// newNarrower makes the two views: made are generated files, and overlay is
// what the patch changes.
func (t *Tree) newNarrower(made, overlay map[string][]byte, work string) (*narrower, error) {
	n := &narrower{tree: t, overlay: overlay, work: work, cache: t.originals(), reached: map[string]bool{}}
	var err error
	if n.original, err = newShadow(t.Dir, filepath.Join(work, "pristine"), made); err != nil {
		return nil, err
	}
	replaced := map[string][]byte{}
	maps.Copy(replaced, made)
	maps.Copy(replaced, overlay)
	if n.patched, err = newShadow(t.Dir, filepath.Join(work, "tree"), replaced); err != nil {
		return nil, err
	}
	n.patched.adds = t.adds(overlay)
	return n, nil
}

// source is a unit as the preprocessor leaves it.
type source struct {
	file string   // the text, with line markers
	sum  [32]byte // of the text without them
	deps []string
}

// try compiles one unit as far as needed. No pair: it stays what it is.
func (n *narrower) try(ctx context.Context, i int) (*Pair, error) {
	u := &n.units[i]
	dir := filepath.Join(n.work, "units", strconv.Itoa(i))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fault.Environmentf("work directory: %w", err)
	}
	defer os.RemoveAll(dir)
	var original *source // while it is not known from before
	known := n.cache.load(u)
	if known == nil {
		var err error
		if original, err = n.preprocess(ctx, u, n.original, filepath.Join(dir, "original.i")); err != nil {
			return nil, n.failed(ctx, u, dir, err)
		}
		known = &record{Sum: original.sum, Deps: original.deps}
		n.cache.store(u, known)
	}
	if !n.has(known.Deps) && !n.patched.adds {
		return nil, nil
	}
	patched, err := n.preprocess(ctx, u, n.patched, filepath.Join(dir, "patched.i"))
	if err != nil {
		return nil, n.failed(ctx, u, dir, err)
	}
	n.note(known.Deps, patched.deps)
	if patched.sum == known.Sum {
		return nil, nil
	}
	if original == nil {
		if original, err = n.preprocess(ctx, u, n.original, filepath.Join(dir, "original.i")); err != nil {
			return nil, n.failed(ctx, u, dir, err)
		}
	}
	if same, err := original.sameCode(patched); same || err != nil {
		return nil, err
	}
	return n.compare(ctx, u, dir, known, original, patched)
}

// sameCode reports whether the compiler makes the same of both texts, as far as
// that can be told without it.
func (s *source) sameCode(t *source) (bool, error) {
	a, err := os.ReadFile(s.file)
	if err != nil {
		return false, fault.Environmentf("preprocessed source: %w", err)
	}
	b, err := os.ReadFile(t.file)
	if err != nil {
		return false, fault.Environmentf("preprocessed source: %w", err)
	}
	return ctext.SameButUnused(a, b), nil
}

// has reports whether one of the changed files is among deps.
func (n *narrower) has(deps []string) bool {
	return slices.ContainsFunc(deps, func(dep string) bool { _, ok := n.overlay[dep]; return ok })
}

func (n *narrower) note(lists ...[]string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, deps := range lists {
		for _, dep := range deps {
			if _, ok := n.overlay[dep]; ok {
				n.reached[dep] = true
			}
		}
	}
}

// compare compiles both texts of a unit.
func (n *narrower) compare(ctx context.Context, u *Unit, dir string, known *record, original, patched *source) (*Pair, error) {
	before := n.cache.object(u)
	if before == nil {
		var err error
		if before, err = n.compile(ctx, u, n.original, original.file); err != nil {
			return nil, n.failed(ctx, u, dir, err)
		}
		n.cache.storeObject(u, before)
	}
	after, err := n.compile(ctx, u, n.patched, patched.file)
	if err != nil {
		return nil, n.failed(ctx, u, dir, err)
	}
	if sameCode(before, after) {
		return nil, nil
	}
	pair := &Pair{Unit: *u, Deps: cleanPaths(known.Deps, patched.deps)}
	if pair.Original, err = n.objtool(ctx, u, filepath.Join(dir, "original.o"), before); err != nil {
		return nil, err
	}
	pair.Patched, err = n.objtool(ctx, u, filepath.Join(dir, "patched.o"), after)
	return pair, err
}

// preprocess makes the text of a unit. Directories through which the
// compiler left the view are made real, and the unit is done again.
func (n *narrower) preprocess(ctx context.Context, u *Unit, view *shadow, file string) (*source, error) {
	for {
		deps, dirs, err := n.preprocessOnce(ctx, u, view, file)
		if err != nil {
			return nil, err
		}
		if len(dirs) == 0 {
			return readSource(file, deps)
		}
		if err := n.expose(view, dirs); err != nil {
			return nil, err
		}
	}
}

// Deps returns every file that the original of a unit is made of, sorted. All
// that is written is below work.
func (t *Tree) Deps(ctx context.Context, u Unit, work string) ([]string, error) {
	work, err := filepath.Abs(work)
	if err != nil {
		return nil, fault.Environmentf("work directory: %w", err)
	}
	made, err := t.generated(ctx, []Unit{u}, work)
	if err != nil {
		return nil, err
	}
	n, err := t.newNarrower(made, nil, work)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(work, 0o755); err != nil {
		return nil, fault.Environmentf("work directory: %w", err)
	}
	text := filepath.Join(work, "text.i")
	defer os.Remove(text)
	s, err := n.preprocess(ctx, &u, n.original, text)
	if err != nil {
		return nil, n.failed(ctx, &u, work, err)
	}
	return s.deps, nil
}

// expose changes a view while no compiler works in it.
func (n *narrower) expose(view *shadow, dirs []string) error {
	n.views.Lock()
	defer n.views.Unlock()
	for _, dir := range dirs {
		if err := view.expose(dir); err != nil {
			return err
		}
	}
	return nil
}

func (n *narrower) preprocessOnce(ctx context.Context, u *Unit, view *shadow, file string) (deps, leaks []string, err error) {
	n.views.RLock()
	defer n.views.RUnlock()
	cc := preprocessor(u, view.root, file)
	cc.Cage = n.tree.Cage
	if _, err := cc.Run(ctx); err != nil {
		return nil, nil, err
	}
	text, err := os.ReadFile(file + ".d")
	if err != nil {
		return nil, nil, fault.Environmentf("dependencies of %s: %w", u.Source, err)
	}
	deps = makefile.Depfile(text)
	leaks, err = view.leaks(deps)
	return deps, leaks, err
}

// readSource takes the sum of a preprocessed text without its line markers:
// they matter to messages and debug info alone, since __LINE__ and __FILE__
// are replaced by now.
func readSource(file string, deps []string) (*source, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fault.Environmentf("preprocessed source: %w", err)
	}
	sum := sha256.New()
	for line := range bytes.Lines(text) {
		if !ctext.IsMarker(line) {
			sum.Write(line)
		}
	}
	s := &source{file: file, deps: cleanPaths(deps, nil)}
	sum.Sum(s.sum[:0])
	return s, nil
}

// compile makes an object of preprocessed text.
func (n *narrower) compile(ctx context.Context, u *Unit, view *shadow, text string) ([]byte, error) {
	n.views.RLock()
	defer n.views.RUnlock()
	object := text + ".o"
	cc := n.tree.launch(fromText(u, view.root, text, object))
	if _, err := cc.Run(ctx); err != nil {
		return nil, err
	}
	data, err := os.ReadFile(object)
	if err != nil {
		return nil, fault.Environmentf("object of %s: %w", u.Source, err)
	}
	return data, nil
}

// objtool runs objtool on an object where kbuild would.
func (n *narrower) objtool(ctx context.Context, u *Unit, file string, object []byte) ([]byte, error) {
	if u.objtool == nil {
		return object, nil
	}
	if err := os.WriteFile(file, object, 0o644); err != nil {
		return nil, fault.Environmentf("object: %w", err)
	}
	step := objtool(n.tree, u, file)
	if _, err := step.Run(ctx); err != nil {
		return nil, (&job{unit: u, out: filepath.Dir(file)}).failure(err)
	}
	object, err := os.ReadFile(file)
	if err != nil {
		return nil, fault.Environmentf("object: %w", err)
	}
	return object, nil
}

// failed says in the compiler's own words why a unit does not compile: it is
// compiled once more, from its source and as Compile would.
func (n *narrower) failed(ctx context.Context, u *Unit, dir string, err error) error {
	var exit *command.Error
	if ctx.Err() != nil || !errors.As(err, &exit) {
		return err
	}
	n.views.RLock()
	defer n.views.RUnlock()
	a := &job{unit: u, tree: n.tree, view: n.original, out: filepath.Join(dir, "a")}
	b := &job{unit: u, tree: n.tree, view: n.patched, out: filepath.Join(dir, "b"), of: a}
	for _, j := range []*job{a, b} {
		if err := j.run(ctx); err != nil {
			return err
		}
	}
	return fault.Environmentf("%s compiles, but not in two steps: %w", u.Source, err).Hint("run by hand: %s", exit.Cmd.String())
}

// preprocessor is the compiler's run that stops at the text.
func preprocessor(u *Unit, root, text string) command.Cmd {
	cc := compiler(u, root, text)
	cc.Args = slices.DeleteFunc(cc.Args, func(w string) bool { return w == "-pipe" })
	cc.Args = append(cc.Args, "-fno-working-directory") // no path of this run in the text: a compiler cache goes by it
	return stage(cc, "-E")
}

// fromText is the compiler's run that starts with the preprocessed text.
func fromText(u *Unit, root, text, object string) command.Cmd {
	cc := compiler(u, root, object)
	var args []string
	for i := 0; i < len(cc.Args); i++ {
		switch w := cc.Args[i]; {
		case w == "-include" || w == "-isystem" || w == "-iquote":
			i++
		case w == "-nostdinc" || len(w) > 1 && (w[:2] == "-I" || w[:2] == "-D" || w[:2] == "-U") || isDepOption(w):
		case path.Clean(w) == u.Source && w[0] != '-':
			args = append(args, text)
		default:
			args = append(args, w)
		}
	}
	cc.Args = append(args, "-fpreprocessed")
	return cc
}
