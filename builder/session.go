package builder

import (
	"context"
	"errors"
	"log/slog"
	"os"

	"kintsugi/internal/arch"
	"kintsugi/internal/cage"
	"kintsugi/internal/fault"
	"kintsugi/internal/klp"
	"kintsugi/internal/kofile"
	"kintsugi/internal/makefile"
	"kintsugi/internal/report"
	"kintsugi/kbuild"
	"kintsugi/kbuild/module"
)

// session has the values that every stage may read. They never change.
type session struct {
	opts   Options
	kernel *klp.Kernel
	tools  tools
	// modules are those of the target; nil if it has none.
	modules *modules
	// linkModule is kbuild's, except in unit tests.
	linkModule func(context.Context, module.Spec) (string, error)
	arch       *arch.Arch
	cage       cage.Cage // of the target's programs
	name       string    // of the module's file, without .ko
	work       string    // directory of this build, removed at its end
}

// tools are the steps of the kernel's build that the stages need. They are
// kbuild's, except in unit tests.
type tools interface {
	Plan(ctx context.Context, changed []string) ([]kbuild.Unit, []report.Diagnostic, error)
	PlanNew(ctx context.Context, objects []makefile.Object) ([]kbuild.Unit, []report.Diagnostic, error)
	Compile(ctx context.Context, units []kbuild.Unit, overlay map[string][]byte, work string) ([]kbuild.Pair, error)
	CompileHeaders(ctx context.Context, units []kbuild.Unit, overlay map[string][]byte,
		work string) ([]kbuild.Pair, []string, error)
	CompileReadingKeys(ctx context.Context, u kbuild.Unit, overlay map[string][]byte, work string) (kbuild.Pair, error)
	CompilePlain(ctx context.Context, u kbuild.Unit, work string) ([]byte, error)
	CheckNonUnits(ctx context.Context, changed []string, overlay map[string][]byte,
		work string) ([]report.Diagnostic, error)
}

// open opens the target's image and exports, and makes the work directory.
func open(ctx context.Context, opts Options) (*session, error) {
	if len(opts.Patches) == 0 {
		return nil, fault.Inputf("no patches")
	}
	name, err := moduleName(opts)
	if err != nil {
		return nil, err
	}
	t := opts.Target
	if err := checkTaken(name, t.Modules); err != nil {
		return nil, err
	}
	machine, err := t.Machine()
	if err != nil {
		return nil, err
	}
	kernel, err := klp.OpenKernel(t.Vmlinux, t.Symvers)
	if err != nil {
		return nil, err
	}
	dir := kofile.Open(t.Modules)
	if t.Modules != "" {
		kernel.ReadModule = dir.Read
	}
	work, err := os.MkdirTemp("", "kintsugi-")
	if err != nil {
		kernel.Image.Close()
		return nil, fault.Environmentf("work directory: %w", err).
			Hint("set TMPDIR to a directory with a few hundred megabytes of free space")
	}
	c, err := t.Cage(ctx, work, opts.Cage)
	if err == nil {
		c.Launcher, err = cage.LauncherOf(opts.Launcher)
	}
	if err != nil {
		kernel.Image.Close()
		return nil, errors.Join(err, os.Remove(work))
	}
	tree := t.Tree(machine, opts.Jobs)
	tree.Cage, tree.Launcher, tree.Progress = c, opts.Launcher, opts.Progress
	opened := &session{opts: opts, kernel: kernel, arch: machine, cage: c, tools: toolsOf(tree), linkModule: module.Link,
		name: name, work: work}
	if t.Modules != "" {
		opened.modules = &modules{dir: dir, cache: tree.Cache()}
	}
	return opened, nil
}

func (s *session) close() {
	s.kernel.Image.Close()
	if err := os.RemoveAll(s.work); err != nil {
		slog.Warn("work directory", "error", err)
	}
}
