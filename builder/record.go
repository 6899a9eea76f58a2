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

// ErrNothing is in the error chain of the verdict report.Nothing.
var ErrNothing = errors.New("the patch changes nothing that this kernel runs")

func nothingError() error { return &fault.Error{Class: fault.Verdict, Err: ErrNothing} }

// record is the unfinished report of a build. Stages return their findings; only
// build and its helpers add them to the record.
type record struct {
	rep     *report.Report
	accepts []consent.Given // by the caller and by the patches
	name    string          // of the current stage, empty before the first
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

// stage records the time of the current stage, and begins the stage name. The
// empty name begins none.
func (rec *record) stage(name string) {
	now := time.Now()
	if rec.name != "" {
		rec.rep.Timings[rec.name] = now.Sub(rec.begin).Milliseconds()
	}
	rec.name, rec.begin = name, now
	slog.Debug("stage", "name", name)
}

// note records the findings of a stage. An error among them ends the build, like
// err. A finding without consent does not end it yet, as later stages can find
// more reasons to refuse; see consented.
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

// consented ends the build if a finding lacks consent. It runs before the module
// is made.
func (rec *record) consented() error {
	for _, d := range rec.rep.Diagnostics {
		if d.Severity.Refuses() {
			return fault.Verdictf(d.Code, "the patch needs consent: %s", d.Message)
		}
	}
	return nil
}

// nothing returns the verdict on a patch without code to replace. It is report.Nothing, unless the
// patch removes something that the kernel keeps using, or adds something that others should use.
func (rec *record) nothing() error {
	for i := range rec.rep.Diagnostics {
		switch d := &rec.rep.Diagnostics[i]; d.Code {
		case diag.SymbolRemoved:
			*d = d.In(diag.Alone)
			d.Hint = "Keep the name, and change its definition."
		case diag.ExportDropped:
			*d = d.In(diag.Alone)
			d.Hint = "Put the code that uses the export into the same patch, which has no other effect."
		case diag.LayoutChanged, diag.ExportABI:
			*d = d.In(diag.Alone) // no code uses the difference
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

// finish sets the verdict of the report and sorts its lists.
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

// explains reports whether a finding gives the reason why a build ends with err.
func explains(found []report.Diagnostic, err error) bool {
	return hasErrors(found) || slices.ContainsFunc(found, func(d report.Diagnostic) bool {
		return d.Severity.Refuses() && d.Code == fault.CodeOf(err)
	})
}

// failures turns the error of a failed build into findings.
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
	return []report.Diagnostic{report.Found(report.Diagnostic{Code: code, Source: fault.SourceOf(err),
		Message: err.Error(), Hint: strings.Join(fault.Hints(err), "; ")})}
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

// hasErrors reports whether found has an error, which no consent accepts.
func hasErrors(found []report.Diagnostic) bool {
	return slices.ContainsFunc(found, func(d report.Diagnostic) bool { return d.Severity == diag.Error })
}
