package cli

import (
	"errors"
	"runtime"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"kintsugi/builder"
)

// compileFlags gives cmd the flags that control how compilers run. The display
// shows the progress of the compilations.
func (a *app) compileFlags(cmd *cobra.Command, opts *builder.Options) {
	flags := cmd.Flags()
	flags.IntVarP(&opts.Jobs, "jobs", "j", runtime.NumCPU(), "run `N` compilers at once")
	flags.Var((*launcher)(&opts.Launcher), "cc-launcher", "run the compiler through `PROGRAM`, such as ccache or distcc")
	flags.BoolVar(&opts.Cage.None, "no-cage", false, "let the compiler read all files of this machine")
	flags.Var((*size)(&opts.Cage.Memory), "memory", "limit the memory of each compiler to `MB` (default 4096)")
	opts.Progress = a.display.Units
}

// size is a number of bytes. Its text is in megabytes.
type size int64

func (s *size) String() string { return strconv.FormatInt(int64(*s)>>20, 10) }
func (s *size) Type() string   { return "MB" }

func (s *size) Set(text string) error {
	n, err := strconv.ParseUint(text, 10, 20)
	if err != nil || n < 64 {
		return errors.New("not a number of megabytes from 64 to 1048575")
	}
	*s = size(n << 20)
	return nil
}

// launcher is a program and its arguments, separated by blanks.
type launcher []string

func (l *launcher) String() string { return strings.Join(*l, " ") }
func (l *launcher) Type() string   { return "program" }

func (l *launcher) Set(s string) error {
	if *l = strings.Fields(s); len(*l) == 0 {
		return errors.New("no program")
	}
	return nil
}
