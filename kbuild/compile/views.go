package compile

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"sync"

	"kintsugi/internal/command"
	"kintsugi/internal/ctext"
	"kintsugi/internal/fault"
	"kintsugi/internal/makefile"
	"kintsugi/kbuild"
	"kintsugi/kbuild/generate"
	"kintsugi/kbuild/overlay"
)

// Views are the original and the patched view of a tree. Units are compiled in
// them step by step, any number in parallel.
type Views struct {
	Original, Patched *overlay.View

	tree *kbuild.Tree
	mu   sync.RWMutex // held for reading while a compiler works in a view
}

// NewViews makes the two views below work: made are generated files, and changed
// is what the patch changes.
func NewViews(t *kbuild.Tree, made, changed map[string][]byte, work string) (*Views, error) {
	v := &Views{tree: t}
	var err error
	if v.Original, err = overlay.New(t.Dir, filepath.Join(work, "pristine"), made); err != nil {
		return nil, err
	}
	v.Patched, err = overlay.Patched(t.Dir, filepath.Join(work, "tree"), made, changed)
	return v, err
}

// Text is a unit as the preprocessor leaves it.
type Text struct {
	File string   // with line markers
	Sum  [32]byte // of the text without them
	Deps []string // every file that it is made of, sorted
}

// Preprocess makes the text of a unit in file. If the compiler leaves the view
// through a directory, that directory becomes real, and the unit is done again.
func (v *Views) Preprocess(ctx context.Context, u *kbuild.Unit, view *overlay.View, file string) (*Text, error) {
	for {
		deps, escapes, err := v.preprocessOnce(ctx, u, view, file)
		if err != nil {
			return nil, err
		}
		if len(escapes) == 0 {
			return readText(file, deps)
		}
		if err := v.expose(view, escapes); err != nil {
			return nil, err
		}
	}
}

func (v *Views) preprocessOnce(ctx context.Context, u *kbuild.Unit, view *overlay.View, file string) (
	deps, escapes []string, err error) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	cc := caged(v.tree, preprocessorRun(u, view.Root, file))
	if _, err := cc.Run(ctx); err != nil {
		return nil, nil, err
	}
	text, err := os.ReadFile(file + ".d")
	if err != nil {
		return nil, nil, fault.Environmentf("dependencies of %s: %w", u.Source, err)
	}
	deps = makefile.Depfile(text)
	escapes, err = view.Escapes(deps)
	return deps, escapes, err
}

// expose changes a view while no compiler works in one.
func (v *Views) expose(view *overlay.View, dirs []string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, dir := range dirs {
		if err := view.Expose(dir); err != nil {
			return err
		}
	}
	return nil
}

// readText computes the sum of a preprocessed text without its line markers: they
// matter to messages and debug info alone, since __LINE__ and __FILE__ have been
// replaced.
func readText(file string, deps []string) (*Text, error) {
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
	t := &Text{File: file, Deps: kbuild.CleanPaths(deps, nil)}
	sum.Sum(t.Sum[:0])
	return t, nil
}

// sameCode reports whether the compiler is certain to make the same code of both
// texts, without running it.
func (t *Text) sameCode(other *Text) (bool, error) {
	a, err := os.ReadFile(t.File)
	if err != nil {
		return false, fault.Environmentf("preprocessed source: %w", err)
	}
	b, err := os.ReadFile(other.File)
	if err != nil {
		return false, fault.Environmentf("preprocessed source: %w", err)
	}
	return ctext.SameButUnused(a, b), nil
}

// Object compiles a unit in one step, and returns the object.
func (v *Views) Object(ctx context.Context, u *kbuild.Unit, view *overlay.View, object string) ([]byte, error) {
	return v.compile(ctx, u, caged(v.tree, stage(compilerRun(u, view.Root, object), "-c")), object)
}

// fromText compiles preprocessed text, and returns the object.
func (v *Views) fromText(ctx context.Context, u *kbuild.Unit, view *overlay.View, text string) ([]byte, error) {
	object := text + ".o"
	return v.compile(ctx, u, launch(v.tree, fromTextRun(u, view.Root, text, object)), object)
}

func (v *Views) compile(ctx context.Context, u *kbuild.Unit, cc command.Cmd, object string) ([]byte, error) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if _, err := cc.Run(ctx); err != nil {
		return nil, err
	}
	data, err := os.ReadFile(object)
	if err != nil {
		return nil, fault.Environmentf("object of %s: %w", u.Source, err)
	}
	return data, nil
}

// Failure classes the failure of a unit whose compiler worked in dir.
func (v *Views) Failure(u *kbuild.Unit, view *overlay.View, dir string, err error) error {
	return failure(u, view == v.Patched, dir, err)
}

// explain returns the compiler's own error of a unit that failed in two steps: it
// compiles the unit once more, from its source and as Compile does.
func (v *Views) explain(ctx context.Context, u *kbuild.Unit, dir string, err error) error {
	var exit *command.Error
	if ctx.Err() != nil || isClassed(err) || !errors.As(err, &exit) {
		return err
	}
	v.mu.RLock()
	defer v.mu.RUnlock()
	a := &job{unit: u, tree: v.tree, view: v.Original, out: filepath.Join(dir, "a")}
	b := &job{unit: u, tree: v.tree, view: v.Patched, out: filepath.Join(dir, "b"), of: a}
	for _, j := range []*job{a, b} {
		if err := j.run(ctx); err != nil {
			return err
		}
	}
	return fault.Environmentf("%s compiles, but not in two steps: %w", u.Source, err).
		Hint("run by hand: %s", exit.Cmd.String())
}

// isClassed reports whether the cause of an error is known already.
func isClassed(err error) bool {
	var classed *fault.Error
	return errors.As(err, &classed)
}

// Deps returns every file that the original of a unit is made of, sorted. All
// that it writes is below work.
func (c *Compiler) Deps(ctx context.Context, u kbuild.Unit, work string) ([]string, error) {
	work, err := filepath.Abs(work)
	if err != nil {
		return nil, fault.Environmentf("work directory: %w", err)
	}
	made, err := generate.Files(ctx, c.Tree, []kbuild.Unit{u}, work)
	if err != nil {
		return nil, err
	}
	v, err := NewViews(c.Tree, made, nil, work)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(work, 0o755); err != nil {
		return nil, fault.Environmentf("work directory: %w", err)
	}
	file := filepath.Join(work, "text.i")
	defer os.Remove(file)
	text, err := v.Preprocess(ctx, &u, v.Original, file)
	if err != nil {
		return nil, v.explain(ctx, &u, work, err)
	}
	return text.Deps, nil
}
