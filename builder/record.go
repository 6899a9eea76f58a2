package builder

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"kintsugi/internal/consent"
	"kintsugi/internal/diag"
	"kintsugi/internal/fault"
	"kintsugi/internal/patchfile"
	"kintsugi/internal/report"
)

// ErrNothing is in the chain of the verdict that the patch changes no code of
// the kernel.
var ErrNothing = errors.New("the patch changes nothing that this kernel runs")

func nothingError() error { return &fault.Error{Class: fault.Verdict, Err: ErrNothing} }

// record is the report while a build writes it. Stages return what they find;
// only the line of stages writes it down here.
type record struct {
	rep     *report.Report
	accepts []consent.Given // by the caller and by the patches
	name    string          // of the stage under way, empty before the first
	begin   time.Time       // of that stage
}

func newRecord(opts Options) *record {
	rep := report.New(opts.Version)
	rep.Timings = map[string]int64{}
	if t := opts.Target; t != nil {
		rep.Target = &report.Target{Name: t.Name, Release: t.Release, Arch: t.Arch, Compiler: t.Compiler}
	}
	return &record{rep: rep, accepts: slices.Clone(opts.Accept)}
}

// stage notes how long the stage before took, and begins another. The empty
// name begins none.
func (rec *record) stage(name string) {
	now := time.Now()
	if rec.name != "" {
		rec.rep.Timings[rec.name] = now.Sub(rec.begin).Milliseconds()
	}
	rec.name, rec.begin = name, now
	slog.Debug("stage", "name", name)
}

// note writes down what a stage found. An error among it ends the build, as
// err does. A finding that nobody consents to does not yet: the stages after
// this one can find more that refuses; see consented.
func (rec *record) note(found []report.Diagnostic, err error) error {
	rec.rep.Diagnostics = append(rec.rep.Diagnostics, found...)
	consent.Settle(rec.rep, rec.accepts)
	if err != nil {
		return err
	}
	for _, d := range rec.rep.Diagnostics {
		if d.Severity == diag.Error {
			return fault.Verdictf(d.Code, "the patch cannot be livepatched: %s", d.Message)
		}
	}
	return nil
}

// consented ends the build where a finding lacks consent. No module is made
// before.
func (rec *record) consented() error {
	for _, d := range rec.rep.Diagnostics {
		if d.Severity.Refuses() {
			return fault.Verdictf(d.Code, "the patch needs consent: %s", d.Message)
		}
	}
	return nil
}

// nothing is the verdict on a patch that leaves no code to replace: there is
// nothing to do, unless the patch takes something away that the kernel goes on
// to use, or adds something that others are meant to use.
func (rec *record) nothing() error {
	for i := range rec.rep.Diagnostics {
		switch d := &rec.rep.Diagnostics[i]; d.Code {
		case diag.SymbolRemoved:
			*d = d.In(diag.Alone)
			d.Hint = "Leave the name where it is, and change what it does instead."
		case diag.ExportDropped:
			*d = d.In(diag.Alone)
			d.Hint = "Put what uses the export into the same patch: nothing else in it has an effect."
		case diag.LayoutChanged:
			*d = d.In(diag.Alone) // no code uses what is different
		}
	}
	if err := rec.note(nil, nil); err != nil {
		return err
	}
	if err := rec.consented(); err != nil {
		return err
	}
	return nothingError()
}

// finish gives the report its verdict and brings its lists into order.
func (rec *record) finish(err error) (*report.Report, error) {
	rec.stage("")
	rep := rec.rep
	rep.Verdict = verdictOf(err)
	if rep.Verdict == report.Fixed {
		err = nil
	}
	if err != nil && !explains(rep.Diagnostics, err) {
		rep.Diagnostics = append(rep.Diagnostics, failures(err)...)
	}
	if rep.Verdict == report.OK {
		rep.Diagnostics = append(rep.Diagnostics, consent.Unused(rep, rec.accepts)...)
	}
	if rep.Verdict == report.Failed {
		rep.Error = &report.Failure{Message: err.Error(), Hints: fault.Hints(err)}
	}
	rep.Sort()
	return rep, err
}

// explains reports whether found has why a build ends with err.
func explains(found []report.Diagnostic, err error) bool {
	return hasErrors(found) || slices.ContainsFunc(found, func(d report.Diagnostic) bool {
		return d.Severity.Refuses() && d.Code == fault.CodeOf(err)
	})
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
	return []report.Diagnostic{report.Found(report.Diagnostic{Code: code, Source: fault.SourceOf(err), Message: err.Error(),
		Hint: strings.Join(fault.Hints(err), "; ")})}
}

func verdictOf(err error) report.Verdict {
	switch {
	case err == nil:
		return report.OK
	case errors.Is(err, errFixed):
		return report.Fixed
	case errors.Is(err, ErrNothing):
		return report.Nothing
	case fault.ClassOf(err) == fault.Verdict:
		return report.Refused
	}
	return report.Failed
}

// hasErrors reports whether something in found stands against a livepatch,
// whatever anybody consents to.
func hasErrors(found []report.Diagnostic) bool {
	return slices.ContainsFunc(found, func(d report.Diagnostic) bool { return d.Severity == diag.Error })
}
