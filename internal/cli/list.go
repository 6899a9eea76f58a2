package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"kintsugi/internal/livepatch"
	"kintsugi/internal/text"
)

func listVerb(a *app) *cobra.Command {
	cmd := a.reporting(&cobra.Command{
		Use:   "list",
		Short: "List the livepatches of the running kernel",
		Args:  wants(0, 0, "no arguments"),
	})
	cmd.RunE = func(*cobra.Command, []string) error {
		patches, err := new(livepatch.Host).List()
		if err != nil {
			return err
		}
		return a.print(patches, func(w io.Writer) { writePatches(w, patches) })
	}
	return cmd
}

// writePatches writes one line a livepatch: its name, state and number of functions.
func writePatches(w io.Writer, patches []livepatch.Patch) {
	table := text.Table{}
	for _, p := range patches {
		functions := 0
		for _, o := range p.Objects {
			functions += len(o.Functions)
		}
		table.Row(p.Name, stateText(&p), text.Count(functions, "function"))
	}
	fmt.Fprint(w, table.String())
}
