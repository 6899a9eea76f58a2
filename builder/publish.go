package builder

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"

	"kintsugi/internal/fault"
	"kintsugi/internal/publish"
	"kintsugi/internal/report"
)

// The files of the output folder beside NAME.ko.
const (
	reportFile   = "report.json"
	sourceFolder = "src"
)

// Unbuilt ends a build that fails with err before its first stage. It returns a
// report with the error, and writes it to opts.Out if that has the report of an
// earlier build.
func Unbuilt(opts Options, err error) (*report.Report, error) {
	rec := newRecord(opts)
	if readReport(opts.Out) == nil {
		return rec.finish(err)
	}
	return rec.publish(opts.Out, nil, err)
}

// publish completes the report and writes it to the directory out, with files:
// the module and its source. The files of an earlier build are removed in any
// case.
func (rec *record) publish(out string, files map[string][]byte, err error) (*report.Report, error) {
	rep, err := rec.finish(err)
	if out == "" {
		return rep, err
	}
	writeErr := write(out, rep, files)
	if writeErr == nil || err != nil {
		return rep, err // the first error is the cause
	}
	rep.Module = nil
	return rec.publish(out, nil, fault.Environmentf("output directory: %w", writeErr).
		Hint("choose another with -o, or make room in %s", out))
}

// write puts the report and files into out. If that fails, the files of an
// earlier build are removed, as they are not the result of this build.
func write(out string, rep *report.Report, files map[string][]byte) error {
	text, err := json.MarshalIndent(rep, "", "  ")
	if err != nil {
		return err
	}
	all := map[string][]byte{reportFile: append(text, '\n')}
	maps.Copy(all, files)
	stale := earlier(out)
	err = publish.Replace(out, publish.Result{Files: all, Mark: reportFile, Stale: stale})
	if err != nil && len(files) == 0 && len(stale) > 0 {
		err = errors.Join(err, publish.Clear(out, reportFile, stale))
	}
	return err
}

// earlier lists the files of an earlier build in dir, without its report.
func earlier(dir string) []string {
	rep := readReport(dir)
	if rep == nil || rep.Module == nil {
		return nil
	}
	names := []string{sourceFolder}
	if module := rep.Module.Path; filepath.Base(module) == module && filepath.Ext(module) == ".ko" {
		names = append(names, module)
	}
	return names
}

// readReport reads the report of a build in dir. It is nil if there is none.
func readReport(dir string) *report.Report {
	data, err := os.ReadFile(filepath.Join(dir, reportFile))
	var rep report.Report
	if err != nil || json.Unmarshal(data, &rep) != nil || rep.Tool.Name != report.ToolName {
		return nil
	}
	return &rep
}
