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

// Views are the original and the patched view of a tree. Any number of units can be compiled in
// them in parallel, step by step.
type Views struct {
	Original, Patched *overlay.View

	tree *kbuild.Tree
	mu   sync.RWMutex // held for reading while a compiler works in a view
}

// NewViews creates the two views below work. made are generated files, and changed are the files of
// the patch.
func NewViews(t *kbuild.Tree, made, changed map[string][]byte, work string) (*Views, error) {
	v := &Views{tree: t}
	var err error
	if v.Original, err = overlay.New(t.Dir, filepath.Join(work, "pristine"), made); err != nil {
		return nil, err
	}
	v.Patched, err = overlay.Patched(t.Dir, filepath.Join(work, "tree"), made, changed)
	return v, err
}

// Text is the preprocessed text of a unit.
type Text struct {
	File string   // path of the text, which has line markers
	Sum  [32]byte // hash of the text without line markers
	Deps []string // every file that the text is made of, sorted
}

// Preprocess writes the text of a unit to file. If the compiler leaves the view through a linked
// directory, Preprocess makes the directory real and runs again.
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

// expose changes a view while no compiler works in any view.
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

// readText hashes a preprocessed text without its line markers. They affect only messages and debug
// info, because __LINE__ and __FILE__ are already replaced.
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

// sameCode reports whether the compiler certainly makes equal code of both texts. It does not run
// the compiler.
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

// explain returns the compiler's own error for a unit that failed in two steps. It compiles the
// unit once more in one step, like Compile.
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

// isClassed reports whether the cause of an error is already known.
func isClassed(err error) bool {
	var classed *fault.Error
	return errors.As(err, &classed)
}

// Deps returns every file from which the original of a unit is compiled, sorted. It writes only
// below work.
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
