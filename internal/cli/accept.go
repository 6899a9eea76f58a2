package cli

import (
	"github.com/spf13/cobra"

	"kintsugi/internal/consent"
)

// acceptFlag gives cmd the flag --accept, and returns what reads its values.
func acceptFlag(cmd *cobra.Command) func() ([]consent.Given, error) {
	values := cmd.Flags().StringArray("accept", nil, "consent to findings of this `CODE[:SYMBOL]`; can be repeated")
	return func() ([]consent.Given, error) { return consent.Flags(*values) }
}
