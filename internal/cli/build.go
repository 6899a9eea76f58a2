package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"kintsugi/builder"
	"kintsugi/internal/fault"
	"kintsugi/internal/patchinput"
	"kintsugi/internal/report"
	"kintsugi/internal/text"
	"kintsugi/internal/vm"
)

// patchHelp explains PATCH.
const patchHelp = `
A PATCH is a file, a folder of patches, a quilt series, or - for standard input.
Files can be packed by gzip, xz or zstd. Cover letters of git format-patch are
skipped.
`

// maxPatches limits the patches, or modules, of a command line.
const maxPatches = patchinput.MaxPatches

func buildVerb(a *app) *cobra.Command {
	opts := builder.Options{Replace: true, Version: version()}
	var noReplace, test bool
	var trial vm.Config
	cmd := a.reporting(&cobra.Command{
		Use:   "build [flags] PATCH...",
		Short: "Build a livepatch module from source patches",
		Long: `Build a livepatch module from source patches. They are applied in the given order.
` + patchHelp + `
Build writes NAME.ko, report.json and src/ into the output directory, in place of
those of an earlier build. src/ is the source of the module: make -C HEADERS
M=DIR/src compiles it again by hand. A build without a module writes report.json
only.
` + kernelHelp + `
Exit codes: 0 built, or the kernel has the change already (fixed); 1 the patches
cannot be livepatched, change nothing or fail in the VM; 2 bad input; 3 the
environment; 4 a bug of kintsugi.`,
		Args: wants(1, maxPatches, "PATCH..."),
	})
	kernel := a.kernelFlags(cmd)
	flags := cmd.Flags()
	flags.StringVarP(&opts.Out, "output", "o", "out", "write the results to this `DIR`")
	a.fuzzFlag(cmd, &opts)
	flags.StringVarP(&opts.Name, "name", "n", "", "name the module `NAME` (default livepatch-PATCH)")
	a.compileFlags(cmd, &opts)
	accept := acceptFlag(cmd)
	flags.BoolVarP(&noReplace, "no-replace", "R", false,
		"make a module that does not replace the livepatches loaded before it")
	flags.BoolVar(&test, "test", false, "load and unload the module in a VM of the target's kernel")
	allowUnloadedFlag(cmd, &trial)
	cmd.RunE = func(cmd *cobra.Command, patches []string) error {
		opts.Patches, opts.Replace = patches, !noReplace
		var err error
		if opts.Accept, err = accept(); err != nil {
			return err
		}
		if !test {
			return a.build(cmd.Context(), opts, kernel, nil)
		}
		return a.build(cmd.Context(), opts, kernel, &trial)
	}
	return cmd
}

// build builds the module, tests it if trial is not nil, and prints the report.
func (a *app) build(ctx context.Context, opts builder.Options, kernel *kernelChoice, trial *vm.Config) error {
	if err := checkOutput(opts.Out); err != nil {
		return err
	}
	rep, err := a.buildFor(ctx, &opts, kernel)
	var files string
	if err == nil {
		files = written(opts.Out, rep)
	}
	if err == nil && trial != nil && rep.Module != nil {
		err = a.testBuilt(ctx, opts, *trial, rep)
	}
	return a.printReport(rep, err, files)
}

// fuzzFlag gives cmd the flag --fuzz.
func (a *app) fuzzFlag(cmd *cobra.Command, opts *builder.Options) {
	cmd.Flags().IntVar(&opts.Fuzz, "fuzz", 0,
		"let up to `N` outermost context lines of a hunk differ; a note lists each such hunk")
}

// buildFor builds for the chosen kernel.
func (a *app) buildFor(ctx context.Context, opts *builder.Options, kernel *kernelChoice) (*report.Report, error) {
	err := checkOptions(*opts)
	if err == nil {
		opts.Target, err = a.openKernel(ctx, kernel)
	}
	if err != nil {
		return builder.Unbuilt(*opts, err)
	}
	return builder.Build(ctx, *opts)
}

// printReport prints the report with the list of written files. It returns
// err, shortened if the report has its details already. Of a run that ended
// early only the error is printed, unless JSON is wanted.
func (a *app) printReport(rep *report.Report, err error, files string) error {
	if err != nil && files == "" && classOf(err) != fault.Verdict {
		rep.Verdict = report.Failed
		if !a.json {
			return err
		}
	}
	printErr := a.print(rep, func(w io.Writer) {
		rep.WriteText(w, report.TextOptions{Timings: a.verbose})
		if files != "" {
			fmt.Fprintf(w, "\n%s", files)
		}
	})
	if err == nil {
		return printErr
	}
	return shortened(rep, err)
}

// shortened replaces err by a count if the diagnostics of rep have the details.
func shortened(rep *report.Report, err error) error {
	if rep.Verdict != report.Refused || rep.Errors() == 0 {
		return err
	}
	if rep.OnlyConsent() {
		return fault.Verdictf(fault.CodeOf(err), "this needs consent: %s", text.Count(rep.Errors(), "reason"))
	}
	return fault.Verdictf(fault.CodeOf(err), "this cannot be livepatched: %s", text.Count(rep.Errors(), "reason"))
}

func checkOptions(opts builder.Options) error {
	if opts.Fuzz < 0 {
		return fault.Inputf("--fuzz %d: the number of lines is negative", opts.Fuzz)
	}
	if opts.Jobs < 1 {
		return fault.Inputf("-j %d: at least one compiler must run", opts.Jobs)
	}
	return patchinput.Check(opts.Patches)
}

// checkOutput refuses a directory whose src/ is not from an earlier build. A
// build would replace it.
func checkOutput(dir string) error {
	src, err := os.ReadDir(filepath.Join(dir, "src"))
	if err != nil || len(src) == 0 {
		return nil // internal/publish reports an unreadable one
	}
	if readReport(filepath.Join(dir, "report.json")) == nil {
		return fault.Inputf("%s exists and is not from an earlier build", filepath.Join(dir, "src")).
			Hint("choose another directory with -o")
	}
	return nil
}

// readReport reads the report at path. It is nil if kintsugi did not write one there.
func readReport(path string) *report.Report {
	data, err := readFile(path)
	var rep report.Report
	if err != nil || json.Unmarshal(data, &rep) != nil || rep.Tool.Name != report.ToolName {
		return nil
	}
	return &rep
}

// written lists the files that a build has written.
func written(dir string, rep *report.Report) string {
	table := text.Table{}
	table.Row("report", filepath.Join(dir, "report.json"))
	if rep.Module == nil {
		return table.String()
	}
	module := filepath.Join(dir, rep.Module.Path)
	var size int64
	if info, err := os.Stat(module); err == nil {
		size = info.Size()
	}
	table = text.Table{}
	table.Row("module", module, text.Bytes(size))
	table.Row("report", filepath.Join(dir, "report.json"))
	table.Row("source", filepath.Join(dir, "src")+string(filepath.Separator))
	return table.String()
}

// testBuilt runs the built module in a VM. It adds the result to the report,
// and to report.json.
func (a *app) testBuilt(ctx context.Context, opts builder.Options, trial vm.Config, rep *report.Report) error {
	trial.Module = filepath.Join(opts.Out, rep.Module.Path)
	verdict := a.runVM(ctx, opts.Target, trial, rep)
	if rep.Test == nil {
		return verdict
	}
	data, err := json.MarshalIndent(rep, "", "  ")
	if err != nil {
		return err
	}
	if err := replaceFile(filepath.Join(opts.Out, "report.json"), append(data, '\n')); err != nil {
		return err
	}
	return verdict
}
