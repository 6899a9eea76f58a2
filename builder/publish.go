package builder

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"

	"kintsugi/internal/fault"
	"kintsugi/internal/publish"
	"kintsugi/internal/report"
)

// The names of what a build leaves in its output folder, beside NAME.ko.
const (
	reportFile   = "report.json"
	sourceFolder = "src"
)

// Unbuilt ends a build that err stops before its first stage: it returns a
// report that says so. It leaves the report in opts.Out if an earlier build left
// one there.
func Unbuilt(opts Options, err error) (*report.Report, error) {
	r := &run{opts: opts, rep: report.New(opts.Version)}
	if readReport(opts.Out) == nil {
		return r.finish(err)
	}
	return r.publish(nil, err)
}

// publish completes the report and puts it into Out, with files beside it, the
// module and its source. What an earlier build left there goes in any case.
func (r *run) publish(files map[string][]byte, err error) (*report.Report, error) {
	_, err = r.finish(err)
	if r.opts.Out == "" {
		return r.rep, err
	}
	writeErr := r.write(files)
	if writeErr == nil || err != nil {
		return r.rep, err // the first error is the cause
	}
	r.rep.Module = nil
	return r.publish(nil, fault.Environmentf("output directory: %w", writeErr).
		Hint("choose another with -o, or make room in %s", r.opts.Out))
}

// write puts the report and files into Out. If that fails, what an earlier
// build left there is removed: it is not the outcome of this build.
func (r *run) write(files map[string][]byte) error {
	text, err := json.MarshalIndent(r.rep, "", "  ")
	if err != nil {
		return err
	}
	all := map[string][]byte{reportFile: append(text, '\n')}
	maps.Copy(all, files)
	stale := earlier(r.opts.Out)
	err = publish.Replace(r.opts.Out, publish.Result{Files: all, Mark: reportFile, Stale: stale})
	if err != nil && len(files) == 0 && len(stale) > 0 {
		err = errors.Join(err, publish.Clear(r.opts.Out, reportFile, stale))
	}
	return err
}

// earlier are the names of what an earlier build left in dir beside its report.
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

// readReport is the report that a build left in dir, nil if there is none.
func readReport(dir string) *report.Report {
	data, err := os.ReadFile(filepath.Join(dir, reportFile))
	var rep report.Report
	if err != nil || json.Unmarshal(data, &rep) != nil || rep.Tool.Name != report.ToolName {
		return nil
	}
	return &rep
}

// sourceFiles are the files of the folder source, by the names that they have
// in the output folder.
func sourceFiles(source string) (map[string][]byte, error) {
	files := map[string][]byte{}
	err := fs.WalkDir(os.DirFS(source), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files[sourceFolder+"/"+name], err = os.ReadFile(filepath.Join(source, name))
		return err
	})
	return files, err
}
