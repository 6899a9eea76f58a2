package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"kintsugi/internal/livepatch"
)

func unloadVerb(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "unload NAME",
		Short: "Remove a livepatch from the running kernel",
		Long: `Disable a livepatch module of the running kernel, wait until no task runs its
code, and unload the module. A pinned module (see data-kept in
docs/diagnostics.md) is disabled, and stays loaded until the next boot.`,
		Args:              wants(1, 1, "NAME"),
		ValidArgsFunction: completePatches,
		RunE: func(cmd *cobra.Command, args []string) error {
			a.display.Step("unload", 0, 0)
			stays, err := new(livepatch.Host).Unload(cmd.Context(), args[0])
			a.display.Clear()
			if stays && err == nil {
				fmt.Fprintf(a.stdout, "%s is disabled; its module is pinned and stays loaded until the next boot\n", args[0])
			}
			return err
		},
	}
}

// completePatches completes the names of loaded livepatches for a shell.
func completePatches(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	patches, err := new(livepatch.Host).List()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []string
	for _, p := range patches {
		names = append(names, p.Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
