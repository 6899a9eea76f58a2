package cli

import (
	"github.com/spf13/cobra"

	"kintsugi/internal/target"
)

// targetFlag gives cmd the flag -t. Its value is for openTarget.
func (a *app) targetFlag(cmd *cobra.Command) *string {
	name := cmd.Flags().StringP("target", "t", "",
		"use the target `NAME` (default: that of the running kernel, else the only target)")
	// The only possible error is a flag that does not exist.
	_ = cmd.RegisterFlagCompletionFunc("target", completeTargets)
	return name
}

// openTarget opens a target of the user's store. The empty name is the default target.
func openTarget(name string) (*target.Target, error) {
	store, err := target.DefaultStore()
	if err != nil {
		return nil, err
	}
	return store.Open(name)
}

// completeTargets is shell completion for target names.
func completeTargets(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return completeStored((*target.Store).List, func(t *target.Target) string { return t.Name + "\t" + t.Release })
}

// completeStored is shell completion for what list finds in the user's store.
func completeStored[T any](list func(*target.Store) ([]T, error), word func(T) string) ([]string,
	cobra.ShellCompDirective) {
	store, err := target.DefaultStore()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	found, err := list(store)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var words []string
	for _, f := range found {
		words = append(words, word(f))
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}
