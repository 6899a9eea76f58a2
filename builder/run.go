package builder

import (
	"errors"
	"log/slog"
	"os"
	"strings"
	"time"

	"kintsugi/internal/diag"
	"kintsugi/internal/fault"
	"kintsugi/internal/klp"
	"kintsugi/internal/patchfile"
	"kintsugi/internal/report"
)

// ErrNothing is the verdict that the patch changes no code of the kernel.
var ErrNothing = &fault.Error{Class: fault.Verdict, Err: errors.New("the patch changes nothing that this kernel runs")}

// run is one build under way.
type run struct {
	opts   Options
	rep    *report.Report
	work   string      // directory of this build, removed at its end
	kernel *klp.Kernel // nil until it is opened
	name   string      // of the module's file, without .ko

	overlay map[string][]byte // files that the units were compiled with in place of the tree's
}

func start(opts Options) (*run, error) {
	r := &run{opts: opts, rep: report.New(opts.Version)}
	r.rep.Timings = map[string]int64{}
	if len(opts.Patches) == 0 {
		return r, fault.Inputf("no patch to build from")
	}
	t := opts.Target
	r.rep.Target = &report.Target{Name: t.Name, Release: t.Release, Arch: t.Arch, Compiler: t.Compiler}
	name, err := moduleName(opts)
	if err != nil {
		return r, err
	}
	if err := checkTaken(name, t.Modules); err != nil {
		return r, err
	}
	r.name = name
	r.work, err = os.MkdirTemp("", "kintsugi-")
	if err != nil {
		return r, fault.Environmentf("work directory: %w", err).Hint("set TMPDIR to a directory with a few hundred megabytes of room")
	}
	return r, nil
}

func (r *run) cleanUp() {
	if r.kernel != nil {
		r.kernel.Image.Close()
	}
	if err := os.RemoveAll(r.work); err != nil {
		slog.Warn("work directory", "error", err)
	}
}

// timed notes how long a stage took. Use: defer r.timed("prove")().
func (r *run) timed(stage string) func() {
	begin := time.Now()
	slog.Debug("stage", "name", stage)
	return func() { r.rep.Timings[stage] = time.Since(begin).Milliseconds() }
}

// barrier stops the build between two stages when one found something that
// stands against a livepatch.
func (r *run) barrier() error {
	for _, d := range r.rep.Diagnostics {
		if d.Severity == diag.Error {
			return fault.Verdictf(d.Code, "the patch cannot be livepatched: %s", d.Message)
		}
	}
	return nil
}

// finish gives the report its verdict and brings its lists into order.
func (r *run) finish(err error) (*report.Report, error) {
	r.rep.Verdict = verdictOf(err)
	if r.rep.Verdict != report.OK && r.rep.Errors() == 0 {
		r.rep.Diagnostics = append(r.rep.Diagnostics, failures(err)...)
	}
	if r.rep.Verdict == report.Failed {
		r.rep.Error = &report.Failure{Message: err.Error(), Hints: fault.Hints(err)}
	}
	r.rep.Sort()
	return r.rep, err
}

// failures are the findings that an error of a failed build stands for.
func failures(err error) []report.Diagnostic {
	var apply *patchfile.ApplyError
	if errors.As(err, &apply) {
		var list []report.Diagnostic
		for _, f := range apply.Failures {
			list = append(list, f.Diagnostic())
		}
		return list
	}
	code := fault.CodeOf(err)
	if code == "" {
		return nil
	}
	return []report.Diagnostic{{Code: code, Severity: diag.Error, Source: fault.SourceOf(err), Message: err.Error(),
		Hint: strings.Join(fault.Hints(err), "; ")}}
}

func verdictOf(err error) report.Verdict {
	switch {
	case err == nil:
		return report.OK
	case errors.Is(err, ErrNothing):
		return report.Nothing
	case fault.ClassOf(err) == fault.Verdict:
		return report.Refused
	}
	return report.Failed
}
