package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kintsugi/internal/fault"
	"kintsugi/internal/livepatch"
	"kintsugi/internal/text"
)

func loadVerb(a *app) *cobra.Command {
	var host livepatch.Host
	var opts livepatch.LoadOptions
	cmd := a.reporting(&cobra.Command{
		Use:   "load [flags] MODULE.ko",
		Short: "Load a livepatch module into the running kernel",
		Long: `Load a livepatch module into the running kernel and wait until every task runs
the patched code. A module that is loaded already is left as it is.

A livepatch replaces all loaded livepatches, unless it was built with --no-replace.
Load lists them. It refuses to load a livepatch that lacks a function which a
loaded livepatch fixes, unless --drop is given.

If the transition does not end in time, load reverses it and unloads the module.
With --on-stall wait the kernel keeps trying.

Exit codes: 0 in effect; 1 a fix would be lost, the kernel refuses the module, or
the transition does not end in time; 2 bad input; 3 no permission or no
livepatching.`,
		Args: wants(1, 1, "MODULE.ko"),
	})
	flags := cmd.Flags()
	flags.BoolVar(&opts.Drop, "drop", false, "drop fixes that only a loaded livepatch has")
	flags.DurationVar(&host.Wait, "timeout", time.Minute, "wait up to `TIME` for the transition to end")
	flags.StringVar((*string)(&opts.OnStall), "on-stall", string(livepatch.Revert),
		"if the transition does not end in time, do `WHAT`: revert or wait")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if opts.OnStall != livepatch.Revert && opts.OnStall != livepatch.Leave {
			return fault.Inputf("--on-stall %q is neither %s nor %s", opts.OnStall, livepatch.Revert, livepatch.Leave)
		}
		if host.Wait <= 0 {
			return fault.Inputf("--timeout %s is not a positive time", host.Wait)
		}
		if err := readable(args[0]); err != nil {
			return fault.Inputf("module: %w", err)
		}
		a.display.Step("load", 0, 0)
		opts.Replaces = func(list []livepatch.Replacement) { a.display.Note(replacesText(list)) }
		loaded, err := host.Load(cmd.Context(), args[0], opts)
		if err != nil {
			return err
		}
		return a.print(loaded, func(w io.Writer) { writeLoaded(w, loaded) })
	}
	return cmd
}

// replacesText announces the livepatches that are replaced.
func replacesText(list []livepatch.Replacement) string {
	var b strings.Builder
	for _, r := range list {
		fmt.Fprintf(&b, "replaces livepatch %s", text.Printable(r.Name))
		if n := len(r.Lost); n > 0 {
			fmt.Fprintf(&b, ", of which %s would be lost", text.Count(n, "function"))
		}
		b.WriteString("\n")
	}
	return b.String()
}

func writeLoaded(w io.Writer, l *livepatch.Loaded) {
	if l.Already {
		fmt.Fprintln(w, "loaded already")
	}
	writePatch(w, &l.Patch)
	for _, r := range l.Replaced {
		fmt.Fprintf(w, "  replaced %s\n", text.Printable(r.Name))
		for _, f := range r.Lost {
			fmt.Fprintf(w, "    lost %s\n", text.Printable(f))
		}
	}
}
