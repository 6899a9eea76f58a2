package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"kintsugi/elfdiff"
	"kintsugi/internal/elfobj"
	"kintsugi/internal/fault"
	"kintsugi/internal/report"
)

func diffVerb(a *app) *cobra.Command {
	var out string
	cmd := a.reporting(&cobra.Command{
		Use:   "diff [flags] ORIG.o PATCHED.o",
		Short: "Say what changed between two objects, and cut out an object with just that",
		Long: `Say what changed between two relocatable objects of the same source file, function
by function, and cut out an object that carries just that.

Exit codes: 0 the change can be livepatched; 1 it cannot, or there is none, and
no OUT.o is written; 2 an object that cannot be read.`,
		Args: wants(2, 2, "ORIG.o PATCHED.o"),
	})
	cmd.Flags().StringVarP(&out, "output", "o", "", "write the object of the changed code to this file")
	cmd.RunE = func(_ *cobra.Command, objects []string) error {
		return a.diff(objects[0], objects[1], out)
	}
	return cmd
}

// diff prints what changed and writes the object that carries it to out.
func (a *app) diff(orig, patched, out string) error {
	result, err := diffFiles(orig, patched)
	if err != nil {
		return err
	}
	rep := diffReport(result)
	object, verdict := extract(result)
	switch {
	case result.Refused():
		rep.Verdict = report.Refused
	case verdict != nil && fault.ClassOf(verdict) == fault.Verdict:
		rep.Verdict = report.Nothing
	case verdict != nil:
		return verdict
	}
	files := ""
	if verdict == nil && out != "" {
		if err := replaceFile(out, object); err != nil {
			return err
		}
		files = fmt.Sprintf("object  %s\n", out)
	}
	return a.printReport(rep, verdict, files)
}

func diffFiles(orig, patched string) (*elfdiff.Result, error) {
	a, err := readObject(orig)
	if err != nil {
		return nil, err
	}
	b, err := readObject(patched)
	if err != nil {
		return nil, err
	}
	result, err := elfdiff.Diff(a, b)
	if err != nil {
		return nil, fault.Inputf("%s and %s: %w", orig, patched, err)
	}
	return result, nil
}

func readObject(path string) (*elfobj.File, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, fault.Inputf("object: %w", err)
	}
	file, err := elfobj.Read(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return file, nil
}

// extract returns the object that carries the change, or the verdict that
// there is none to make.
func extract(result *elfdiff.Result) ([]byte, error) {
	if result.Refused() {
		return nil, fault.Verdictf("", "the change cannot be livepatched")
	}
	if result.Empty() {
		return nil, errSame
	}
	x, err := result.Extract("")
	if err != nil {
		return nil, err
	}
	if len(x.Replacements) == 0 {
		return nil, errSame
	}
	return x.File.Write()
}

var errSame = fault.Verdictf("", "nothing that runs is different between the two objects")

// diffReport is what of a pair of objects can be said without its kernel.
func diffReport(result *elfdiff.Result) *report.Report {
	rep := report.New(version())
	rep.Verdict = report.OK
	for _, f := range result.Functions {
		out := report.Function{Name: f.Name, Status: "new", NewSize: f.New.Size, Cause: f.Cause}
		if f.Old != nil {
			out.Status, out.OldSize = "changed", f.Old.Size
		}
		rep.Functions = append(rep.Functions, out)
	}
	for _, d := range result.Data {
		rep.Data = append(rep.Data, report.Data{Name: d.Name, Status: d.Status})
	}
	rep.Diagnostics = append(rep.Diagnostics, result.Diagnostics...)
	rep.Sort()
	return rep
}
