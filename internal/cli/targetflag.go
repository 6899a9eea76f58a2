package cli

import (
	"github.com/spf13/cobra"

	"kintsugi/internal/target"
)

// targetFlag gives cmd the flag -t, which openTarget understands.
func (a *app) targetFlag(cmd *cobra.Command) *string {
	name := cmd.Flags().StringP("target", "t", "", "kernel to patch (default: the running one where it was added, else the only one there is)")
	// the only error is a flag that does not exist
	_ = cmd.RegisterFlagCompletionFunc("target", completeTargets)
	return name
}

// openTarget opens a target of the user's store; the empty name is the default one.
func openTarget(name string) (*target.Target, error) {
	store, err := target.DefaultStore()
	if err != nil {
		return nil, err
	}
	return store.Open(name)
}

// completeTargets is shell completion for target names.
func completeTargets(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	store, err := target.DefaultStore()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	targets, err := store.List()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []string
	for _, t := range targets {
		names = append(names, t.Name+"\t"+t.Release)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
