package cli

import (
	"github.com/spf13/cobra"

	"kintsugi/internal/livepatch"
)

func unloadVerb(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "unload NAME",
		Short: "Remove a livepatch from the running kernel",
		Long: `Disable a livepatch module of the running kernel, wait until no task runs its
code, and unload the module.`,
		Args:              wants(1, 1, "NAME"),
		ValidArgsFunction: completePatches,
		RunE: func(cmd *cobra.Command, args []string) error {
			a.display.Step("unload", 0, 0)
			return new(livepatch.Host).Unload(cmd.Context(), args[0])
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
