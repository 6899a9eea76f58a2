package compile

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"

	"kintsugi/internal/command"
	"kintsugi/internal/diag"
	"kintsugi/internal/fault"
	"kintsugi/internal/makefile"
	"kintsugi/kbuild"
	"kintsugi/kbuild/overlay"
	"kintsugi/kbuild/toolerr"
)

// job is one compilation.
type job struct {
	unit *kbuild.Unit
	tree *kbuild.Tree
	view *overlay.View // view in which the compiler runs
	out  string        // directory for its output
	of   *job          // for a patched unit: the job of its original

	plain bool // functions and data are not split into sections

	object []byte
	deps   []string
	err    error
}

// read returns the files that the job is known to have read. A failed job has no dependencies. It
// may have failed because it read a file of the tree instead of the patched file. Then the job of
// its original has read this file too.
func (j *job) read() []string {
	if j.err != nil && j.of != nil {
		return j.of.deps
	}
	return j.deps
}

func (j *job) run(ctx context.Context) error {
	object := filepath.Join(j.out, path.Clean(j.unit.Object))
	if err := os.MkdirAll(filepath.Dir(object), 0o755); err != nil {
		return fault.Environmentf("object: %w", err)
	}
	cc := compilerRun(j.unit, j.view.Root, object)
	if j.plain {
		cc.Args = slices.DeleteFunc(cc.Args, isSplit)
	}
	steps := []command.Cmd{launch(j.tree, cc)}
	if j.unit.Objtool != nil {
		steps = append(steps, objtoolRun(j.tree, j.unit, object))
	}
	for _, step := range steps {
		out, err := step.Run(ctx)
		if err != nil {
			return failure(j.unit, j.of != nil, j.out, err)
		}
		if len(out) > 0 {
			slog.Debug("compiler", "unit", j.unit.Source, "output", string(out))
		}
	}
	return j.load(object)
}

func (j *job) load(object string) error {
	deps, err := os.ReadFile(object + ".d")
	if err != nil {
		return fault.Environmentf("dependencies of %s: %w", j.unit.Source, err)
	}
	j.deps = makefile.Depfile(deps)
	if j.object, err = os.ReadFile(object); err != nil {
		return fault.Environmentf("object of %s: %w", j.unit.Source, err)
	}
	return nil
}

var sourceLine = regexp.MustCompile(`^[^\s:]+:\d+`)

// failure classes an error of the compiler, which worked in out. The patch is at fault only if the
// error is in the patched source.
func failure(u *kbuild.Unit, patched bool, out string, err error) error {
	var exit *command.Error
	if !errors.As(err, &exit) {
		return err
	}
	if full := toolerr.DiskFull(out, exit.Output); full != nil {
		return full
	}
	line := toolerr.CompilerLine(exit.Output)
	if patched && line != "" {
		e := fault.Inputf("the patched source does not compile: %w", &toolerr.Error{Line: line, Err: exit})
		e.Code, e.Source = diag.PatchCompile, sourceLine.FindString(line)
		return toolerr.WithBeginning(e, exit.Output)
	}
	if patched && limited(exit) {
		e := fault.Inputf("the compiler could not finish the patched source: %w",
			&toolerr.Error{Line: limitLine(exit), Err: exit})
		e.Code, e.Source = diag.PatchCompile, u.Source
		return toolerr.WithBeginning(e, exit.Output)
	}
	which := "original"
	if patched {
		which = "patched"
	}
	e := fault.Environmentf("kernel build: %s %s: %w", which, u.Source, &toolerr.Error{Line: line, Err: exit})
	return toolerr.WithBeginning(e, exit.Output).Hint("run by hand: %s", exit.Cmd.String())
}
