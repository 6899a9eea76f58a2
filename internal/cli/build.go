package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"github.com/spf13/cobra"

	"kintsugi/builder"
	"kintsugi/internal/fault"
	"kintsugi/internal/patchinput"
	"kintsugi/internal/report"
	"kintsugi/internal/text"
	"kintsugi/internal/vm"
)

// patchHelp is what PATCH can be.
const patchHelp = `
A PATCH is a file, - for standard input, a folder of patches, or a quilt series.
Files can be packed by gzip, xz or zstd. Cover letters of git format-patch are
skipped.
`

// maxPatches bounds the patches, and the modules, of a command line.
const maxPatches = patchinput.MaxPatches

func buildVerb(a *app) *cobra.Command {
	opts := builder.Options{Replace: true, Version: version()}
	var noReplace, test bool
	var trial vm.Config
	cmd := a.reporting(&cobra.Command{
		Use:   "build [flags] PATCH...",
		Short: "Build a livepatch module from source patches",
		Long: `Build a livepatch module from source patches that are applied one after the other.
` + patchHelp + `
The output directory gets NAME.ko, report.json and src/, the module's source,
which make -C HEADERS M=DIR/src compiles again by hand. They replace those of an
earlier build. A build that does not succeed leaves report.json alone.
` + kernelHelp + `
Exit codes: 0 built, or the kernel has the change already (fixed); 1 the patches cannot be livepatched, change nothing or
fail in the VM; 2 bad input; 3 the environment; 4 a bug of kintsugi.`,
		Args: wants(1, maxPatches, "PATCH..."),
	})
	kernel := a.kernelFlags(cmd)
	flags := cmd.Flags()
	flags.StringVarP(&opts.Out, "output", "o", "out", "output directory")
	a.fuzzFlag(cmd, &opts)
	flags.StringVarP(&opts.Name, "name", "n", "", "module name (default: livepatch-PATCH)")
	flags.IntVarP(&opts.Jobs, "jobs", "j", runtime.NumCPU(), "compilers to run at once")
	a.compileFlags(cmd, &opts)
	accept := acceptFlag(cmd)
	flags.BoolVarP(&noReplace, "no-replace", "R", false, "add to the livepatches that are loaded instead of taking over from them")
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
	cmd.Flags().IntVar(&opts.Fuzz, "fuzz", 0, "let up to `N` outermost lines of a hunk's context differ, with a note for each hunk")
}

// buildFor builds for the kernel that was chosen.
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

// printReport prints the report, with the files that were written, and gives
// back err, shortened where the report has said it already. A run that broke
// has nothing to report in text: its error says it all.
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
	return told(rep, err)
}

// told is err without what the diagnostics of rep have said.
func told(rep *report.Report, err error) error {
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
		return fault.Inputf("--fuzz %d: it is a number of lines", opts.Fuzz)
	}
	if opts.Jobs < 1 {
		return fault.Inputf("-j %d: at least one compiler has to run", opts.Jobs)
	}
	return patchinput.Check(opts.Patches)
}

// checkOutput refuses a directory where src is not of an earlier build: it
// would be replaced.
func checkOutput(dir string) error {
	src, err := os.ReadDir(filepath.Join(dir, "src"))
	if err != nil || len(src) == 0 {
		return nil // what is wrong with it, publishing says
	}
	if readReport(filepath.Join(dir, "report.json")) == nil {
		return fault.Inputf("%s is there and not of an earlier build", filepath.Join(dir, "src")).
			Hint("choose another directory with -o")
	}
	return nil
}

// readReport is the report at path, nil where there is none of ours.
func readReport(path string) *report.Report {
	data, err := readFile(path)
	var rep report.Report
	if err != nil || json.Unmarshal(data, &rep) != nil || rep.Tool.Name != report.ToolName {
		return nil
	}
	return &rep
}

// written says which files a build has left.
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

// testBuilt runs the module that was built in a VM and adds what happened to
// the report, also to the one that was written.
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
