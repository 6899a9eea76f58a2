// Package cli is kintsugi's command line: one file a verb, errors and advice
// printed at one edge.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"kintsugi/internal/fault"
	"kintsugi/internal/progress"
	"kintsugi/internal/text"
)

// app is one run of the command line. Every verb shares it.
type app struct {
	stdout, stderr       io.Writer
	json, quiet, verbose bool
	display              *progress.Display
	begun                bool // a verb's own code has started: later errors are not about usage
}

// Main runs the command line and returns the exit code of the process: 0 if
// all is done, else the number of a fault.Class. An interrupt has the class
// Environment.
func Main(args []string) int {
	ctx, stop := interruptible()
	defer stop()
	return run(ctx, args, os.Stdout, os.Stderr, verbs)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer, verbs []func(*app) *cobra.Command) (code int) {
	a := &app{stdout: stdout, stderr: stderr, display: progress.New(stderr, progress.Normal)}
	slog.SetDefault(slog.New(a.display.Handler()))
	defer func() {
		if p := recover(); p != nil {
			code = a.crashed(p, debug.Stack())
		}
	}()
	root := a.root(verbs)
	root.SetArgs(kpatchArgs(args))
	cmd, err := root.ExecuteContextC(ctx)
	switch {
	case err == nil:
	case !a.begun:
		err = usageError(cmd, err)
	case ctx.Err() != nil && !errors.Is(err, context.Canceled):
		err = ctx.Err() // err is only what the interrupt broke
	}
	return a.exit(err)
}

// root is the command without a verb.
func (a *app) root(verbs []func(*app) *cobra.Command) *cobra.Command {
	cobra.EnableCommandSorting = false
	root := &cobra.Command{
		Use:   "kintsugi",
		Short: "Turn a kernel source patch into a livepatch module without building the kernel",
		Long: `Kintsugi turns a kernel source patch into a livepatch module for a kernel
that is already running somewhere, without building that kernel.`,
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	root.SetUsageTemplate(strings.Replace(root.UsageTemplate(),
		"{{if .Runnable}}", "{{if not .HasAvailableSubCommands}}", 1))
	flags := root.PersistentFlags()
	flags.BoolVarP(&a.quiet, "quiet", "q", false, "print no progress and no log")
	flags.BoolVarP(&a.verbose, "verbose", "v", false, "log every command in a form that can be replayed")
	for _, verb := range verbs {
		root.AddCommand(verb(a))
	}
	a.helpVerb(root)
	a.prepare(root)
	return root
}

// prepare makes every command below cmd set the display level of the global
// flags first. A command that only has subcommands asks for one of them.
func (a *app) prepare(cmd *cobra.Command) {
	if cmd.HasSubCommands() && !cmd.Runnable() {
		cmd.Args, cmd.RunE = cobra.ArbitraryArgs, needVerb
	} else if inner := cmd.RunE; inner != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			if a.quiet && a.verbose {
				return fault.Inputf("-q and -v cannot be combined")
			}
			a.display.SetLevel(a.level())
			a.begun = true
			return inner(cmd, args)
		}
	}
	for _, sub := range cmd.Commands() {
		a.prepare(sub)
	}
}

func (a *app) level() progress.Level {
	switch {
	case a.quiet:
		return progress.Quiet
	case a.verbose:
		return progress.Verbose
	}
	return progress.Normal
}

// helpVerb replaces cobra's help verb. An unknown topic is an error here.
func (a *app) helpVerb(root *cobra.Command) {
	root.SetHelpCommand(&cobra.Command{
		Use:   "help [VERB]",
		Short: "Show how a verb is used",
		RunE: func(_ *cobra.Command, args []string) error {
			cmd, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return fault.Inputf("no verb %q", strings.Join(args, " ")).Hint("kintsugi --help")
			}
			return cmd.Help()
		},
	})
}

// usageError classes an error of cobra about the command line as Input.
func usageError(cmd *cobra.Command, err error) error {
	if fault.ClassOf(err) == fault.Input {
		return err
	}
	return fault.Inputf("%w", err).Hint("%s --help", cmd.CommandPath())
}

// wants checks the number of a verb's arguments. names is their text in the usage line.
func wants(least, most int, names string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) < least || len(args) > most {
			return fmt.Errorf("want %s, got %s", names, text.Count(len(args), "argument"))
		}
		return nil
	}
}

// needVerb is the error of a command that is run without one of its subcommands.
func needVerb(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return fault.Inputf("%s: which verb?", cmd.CommandPath()).Hint("%s --help", cmd.CommandPath())
	}
	err := fault.Inputf("%s: no verb %q", cmd.CommandPath(), args[0])
	cmd.SuggestionsMinimumDistance = 2 // letters that are wrong
	for _, name := range cmd.SuggestionsFor(args[0]) {
		err.Hint("did you mean %s %s?", cmd.CommandPath(), name)
	}
	return err.Hint("%s --help", cmd.CommandPath())
}
