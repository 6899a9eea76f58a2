package builder

import (
	"context"
	"log/slog"

	"kintsugi/internal/arch"
	"kintsugi/internal/cage"
	"kintsugi/internal/disk"
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
	leave      func()    // gives up the work directory and the target
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

// open opens the target's image and exports, and makes the work directory. Until close,
// nobody can remove the target.
func open(ctx context.Context, opts Options) (*session, error) {
	if len(opts.Patches) == 0 {
		return nil, fault.Inputf("no patches")
	}
	name, err := moduleName(opts)
	if err != nil {
		return nil, err
	}
	if err := checkTaken(name, opts.Target.Modules); err != nil {
		return nil, err
	}
	release, err := opts.Target.Use(ctx)
	if err != nil {
		return nil, err
	}
	work, err := newWork()
	if err != nil {
		release()
		return nil, err
	}
	leave := func() {
		if err := work.Remove(); err != nil {
			slog.Warn("work directory", "error", err)
		}
		release()
	}
	s, err := openIn(ctx, opts, name, work.Dir, leave)
	if err != nil {
		leave()
	}
	return s, err
}

// newWork makes the work directory, and removes those of builds that were killed.
func newWork() (*disk.Work, error) {
	if removed, err := disk.CleanWork(); err != nil || len(removed) > 0 {
		slog.Debug("work directories of killed builds", "removed", removed, "error", err)
	}
	work, err := disk.NewWork(disk.BuildWork)
	if err != nil {
		return nil, fault.Environmentf("work directory: %w", err).
			Hint("set TMPDIR to a directory with a few hundred megabytes of free space")
	}
	return work, nil
}

// openIn is open with a work directory.
func openIn(ctx context.Context, opts Options, name, work string, leave func()) (*session, error) {
	t := opts.Target
	machine, err := t.Machine()
	if err != nil {
		return nil, err
	}
	c, err := t.Cage(ctx, work, opts.Cage)
	if err != nil {
		return nil, err
	}
	if c.Launcher, err = cage.LauncherOf(opts.Launcher); err != nil {
		return nil, err
	}
	kernel, err := klp.OpenKernel(t.Vmlinux, t.Symvers)
	if err != nil {
		return nil, err
	}
	tree := t.Tree(machine, opts.Jobs)
	tree.Cage, tree.Launcher, tree.Progress = c, opts.Launcher, opts.Progress
	var list *modules
	if t.Modules != "" {
		dir := kofile.Open(t.Modules)
		kernel.ReadModule = dir.Read
		list = &modules{dir: dir, cache: tree.Cache()}
	}
	return &session{opts: opts, kernel: kernel, arch: machine, cage: c, tools: toolsOf(tree), linkModule: module.Link,
		name: name, work: work, leave: leave, modules: list}, nil
}

func (s *session) close() {
	s.kernel.Image.Close()
	s.leave()
}
