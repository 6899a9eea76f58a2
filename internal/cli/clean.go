package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"kintsugi/internal/target"
)

func cleanVerb(a *app) *cobra.Command {
	cmd := a.reporting(&cobra.Command{
		Use:   "clean",
		Short: "Remove what killed runs left: work folders, half-made targets and toolchains",
		Long: `Remove what killed runs left: work folders, half-made targets and toolchains.
What a living run uses stays, as do complete targets, toolchains and packages. A
build removes the work folders of killed builds by itself.`,
		Args: wants(0, 0, "no arguments"),
	})
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		store, err := target.DefaultStore()
		if err != nil {
			return err
		}
		removed, err := store.Clean(cmd.Context())
		if err != nil {
			return err
		}
		return a.print(removed, func(w io.Writer) {
			for _, path := range removed {
				fmt.Fprintln(w, path)
			}
		})
	}
	return cmd
}
