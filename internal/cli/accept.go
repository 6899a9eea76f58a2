package cli

import (
	"github.com/spf13/cobra"

	"kintsugi/internal/consent"
)

// acceptFlag gives cmd the flag --accept. It returns the function that reads its values.
func acceptFlag(cmd *cobra.Command) func() ([]consent.Given, error) {
	values := cmd.Flags().StringArray("accept", nil, "accept the findings of this `CODE[:SYMBOL]` (repeatable)")
	return func() ([]consent.Given, error) { return consent.Flags(*values) }
}
