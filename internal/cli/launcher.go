package cli

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"kintsugi/builder"
)

// compileFlags gives cmd the flags that say how compilers are run, and has
// opts tell how far they are.
func (a *app) compileFlags(cmd *cobra.Command, opts *builder.Options) {
	cmd.Flags().Var((*launcher)(&opts.Launcher), "cc-launcher", "run compilers with `PROGRAM`, such as ccache or distcc, before them")
	opts.Progress = a.display.Units
}

// launcher is a program with arguments, separated by blanks.
type launcher []string

func (l *launcher) String() string { return strings.Join(*l, " ") }
func (l *launcher) Type() string   { return "program" }

func (l *launcher) Set(s string) error {
	if *l = strings.Fields(s); len(*l) == 0 {
		return errors.New("no program")
	}
	return nil
}
