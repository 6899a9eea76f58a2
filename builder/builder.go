// Package builder knows the order of the stages that turn a source patch into
// a livepatch module, and nothing else does.
package builder

import (
	"context"

	"kintsugi/internal/fault"
	"kintsugi/internal/report"
	"kintsugi/internal/target"
	"kintsugi/kbuild"
)

// Options is what a build is asked to do.
type Options struct {
	Target   *target.Target
	Patches  []string        // files
	Out      string          // directory for the module, its source and the report
	Name     string          // of the module; empty: after the first patch
	Jobs     int             // compilers at once
	Launcher []string        // a program, with its arguments, to run compilers with, such as ccache or distcc
	Progress kbuild.Progress // told of steps that take long; nil: nobody
	Replace  bool            // take over from all earlier livepatches
	Version  string          // of kintsugi, for the report
}

// Build turns the patches into a livepatch module in opts.Out. The report is
// never nil and lists everything that was found. Out gets it whatever its
// verdict is, and the module only with the verdict ok. The error is nil only
// for the verdict ok.
func Build(ctx context.Context, opts Options) (*report.Report, error) {
	r, err := start(opts)
	if err != nil {
		return r.publish(nil, err)
	}
	defer r.cleanUp()
	files, err := r.build(ctx)
	return r.publish(files, err)
}

// build returns the files of the module and its source, by their names in Out.
func (r *run) build(ctx context.Context) (map[string][]byte, error) {
	units, err := r.resolved(ctx)
	if err != nil {
		return nil, err
	}
	source, err := r.emit(units)
	if err != nil {
		return nil, err
	}
	files, err := sourceFiles(source)
	if err != nil {
		return nil, fault.Environmentf("module source: %w", err)
	}
	linked, err := r.link(ctx, source)
	if err != nil {
		return nil, err
	}
	module, err := r.seal(linked, units)
	if err != nil {
		return nil, err
	}
	if err := r.verify(module); err != nil {
		return nil, err
	}
	files[r.name+".ko"] = module
	return files, r.describe(module)
}

// Check is Build stopped before anything is emitted: the verdict alone.
func Check(ctx context.Context, opts Options) (*report.Report, error) {
	r, err := start(opts)
	if err != nil {
		return r.finish(err)
	}
	defer r.cleanUp()
	_, err = r.resolved(ctx)
	return r.finish(err)
}

// resolved is the first half of the way: from patch files to the objects that
// go into the module, with every reference named.
func (r *run) resolved(ctx context.Context) ([]*unit, error) {
	changes, err := r.parse()
	if err != nil {
		return nil, err
	}
	if err := r.open(); err != nil {
		return nil, err
	}
	planned, err := r.plan(ctx, changes)
	if err != nil {
		return nil, err
	}
	units, err := r.compile(ctx, planned, changes)
	if err != nil {
		return nil, err
	}
	if err := r.prove(units); err != nil {
		return nil, err
	}
	if err := r.diff(ctx, units); err != nil {
		return nil, err
	}
	if units, err = r.extract(units); err != nil {
		return nil, err
	}
	return units, r.resolve(ctx, units)
}
