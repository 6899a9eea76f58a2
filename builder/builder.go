// Package builder runs the stages that turn a source patch into a livepatch
// module. Only this package knows their order.
package builder

import (
	"context"

	"kintsugi/internal/cage"
	"kintsugi/internal/consent"
	"kintsugi/internal/patchfile"
	"kintsugi/internal/report"
	"kintsugi/internal/target"
	"kintsugi/kbuild"
)

// Options are the inputs of a build.
type Options struct {
	Target   *target.Target
	Patches  []string        // files, folders, series or - (internal/patchinput)
	Fuzz     int             // context lines at either end of a hunk that may differ
	Out      string          // directory for the module, its source and the report
	Name     string          // of the module; empty: derived from the first patch
	Jobs     int             // compilers at once
	Cage     cage.Options    // of the compiler
	Launcher []string        // a program with its arguments that runs compilers, such as ccache or distcc
	Progress kbuild.Progress // is called for long steps; nil: not reported
	Replace  bool            // replace all loaded livepatches
	Version  string          // of kintsugi, for the report
	Accept   []consent.Given // findings that the caller accepts; patches can add to them
}

// Build turns the patches into a livepatch module in opts.Out. The report is
// never nil and lists all findings. Build writes it to Out with any verdict, and
// the module only with the verdict ok. The error is nil only for the verdicts ok
// and fixed.
func Build(ctx context.Context, opts Options) (*report.Report, error) {
	rec := newRecord(opts)
	changes, err := parse(opts, rec)
	if err != nil {
		return rec.publish(opts.Out, nil, err)
	}
	rec.stage("open")
	s, err := open(ctx, opts)
	if err != nil {
		return rec.publish(opts.Out, nil, err)
	}
	defer s.close()
	rec.enclosed(s.cage, opts)
	files, err := build(ctx, s, rec, changes)
	return rec.publish(opts.Out, files, err)
}

// Check runs the stages of Build up to resolve: it makes the verdict and no module.
func Check(ctx context.Context, opts Options) (*report.Report, error) {
	rec := newRecord(opts)
	changes, err := parse(opts, rec)
	if err != nil {
		return rec.finish(err)
	}
	rec.stage("open")
	s, err := open(ctx, opts)
	if err != nil {
		return rec.finish(err)
	}
	defer s.close()
	rec.enclosed(s.cage, opts)
	_, err = resolveParts(ctx, s, rec, changes)
	return rec.finish(err)
}

// build runs all stages. It returns the files of the module and its source by
// their names in Out.
func build(ctx context.Context, s *session, rec *record, changes *patchfile.Result) (map[string][]byte, error) {
	parts, err := resolveParts(ctx, s, rec, changes)
	if err != nil {
		return nil, err
	}
	rec.stage("emit")
	source, err := emit(s, parts, rec.rep.Accepted)
	if err != nil {
		return nil, err
	}
	rec.stage("link")
	linked, err := link(ctx, s, source)
	if err != nil {
		return nil, err
	}
	rec.stage("seal")
	module, err := seal(s.kernel, linked, parts)
	if err != nil {
		return nil, err
	}
	rec.stage("verify")
	found, err := verify(s.kernel, module)
	if err := rec.note(found, err); err != nil {
		return nil, err
	}
	rec.rep.Module, err = describe(s.name, module)
	return outputs(s.name, module, source), err
}

// resolveParts runs the stages up to resolve. It returns the objects of the
// module, with every reference resolved.
func resolveParts(ctx context.Context, s *session, rec *record, changes *patchfile.Result) ([]resolved, error) {
	rec.stage("plan")
	planned, found, err := plan(ctx, s, changes, rec.rep.Diagnostics)
	rec.rep.Units = describePlanned(planned)
	if err := rec.note(found, err); err != nil {
		return nil, err
	}
	rec.stage("compile")
	compiled, found, err := compile(ctx, s, planned, changes, rec.rep.Diagnostics)
	rec.rep.Units = describeCompiled(rec.rep.Units, compiled.units)
	if err := rec.note(found, err); err != nil {
		return nil, err
	}
	rec.stage("prove")
	proven, err := prove(compiled.units)
	if err != nil {
		return nil, err
	}
	rec.rep.Units = describeProven(proven)
	rec.stage("diff")
	changed, err := diff(proven)
	if err != nil {
		return nil, err
	}
	rec.stage("keys")
	changed, err = readKeys(ctx, s, changed, compiled.overlay)
	if err != nil {
		return nil, err
	}
	if err := rec.note(judge(changed, compiled.changes), nil); err != nil {
		return nil, err
	}
	rec.stage("exports")
	found, err = exports(ctx, s, changed, compiled.same)
	if err := rec.note(found, err); err != nil {
		return nil, err
	}
	if empty(changed) {
		return nil, rec.nothing()
	}
	rec.stage("extract")
	parts, found, err := cut(changed)
	rec.rep.Callbacks, rec.rep.States = describeAuthors(parts)
	if err := rec.note(found, err); err != nil {
		return nil, err
	}
	if len(parts) == 0 {
		return nil, rec.nothing()
	}
	rec.stage("reprove")
	parts, err = reprove(ctx, s, parts)
	if err != nil {
		return nil, err
	}
	rec.rep.Units = describeReproven(rec.rep.Units, parts)
	rec.stage("resolve")
	resolved, found, err := resolve(s.kernel, parts)
	rec.contents(resolved, compiled.changes)
	if err := rec.note(found, err); err != nil {
		return nil, err
	}
	return resolved, rec.consented()
}
