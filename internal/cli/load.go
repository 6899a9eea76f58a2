package cli

import (
	"io"

	"github.com/spf13/cobra"

	"kintsugi/internal/fault"
	"kintsugi/internal/livepatch"
)

func loadVerb(a *app) *cobra.Command {
	cmd := a.reporting(&cobra.Command{
		Use:   "load MODULE.ko",
		Short: "Load a livepatch module into the running kernel",
		Long: `Load a livepatch module into the running kernel and wait until every task runs
the patched code.

Exit codes: 0 in effect; 1 the kernel refuses the module, or the transition does
not end in time; 2 bad input; 3 no permission or no livepatching.`,
		Args: wants(1, 1, "MODULE.ko"),
	})
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := readable(args[0]); err != nil {
			return fault.Inputf("module: %w", err)
		}
		a.display.Step("load", 0, 0)
		patch, err := new(livepatch.Host).Load(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		return a.print(patch, func(w io.Writer) { writePatch(w, patch) })
	}
	return cmd
}
