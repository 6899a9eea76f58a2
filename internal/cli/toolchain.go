package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"kintsugi/internal/target"
	"kintsugi/internal/text"
	"kintsugi/internal/toolchain"
)

func toolchainVerb(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "toolchain",
		Short: "Show and remove the compilers that were fetched for targets",
		Long: `Show and remove the compilers that were fetched for targets.

target add fetches a toolchain if this machine lacks the kernel's own compiler, or
if --toolchain asks for it. All targets of a suite share one.`,
	}
	cmd.AddCommand(toolchainListVerb(a), toolchainRemoveVerb(a))
	return cmd
}

func toolchainListVerb(a *app) *cobra.Command {
	cmd := a.reporting(&cobra.Command{
		Use:   "list",
		Short: "List the toolchains and the targets that use them",
		Args:  wants(0, 0, "no arguments"),
	})
	cmd.RunE = func(*cobra.Command, []string) error {
		store, err := target.DefaultStore()
		if err != nil {
			return err
		}
		list, err := store.UsedToolchains()
		if err != nil {
			return err
		}
		return a.print(list, func(w io.Writer) { writeToolchains(w, list) })
	}
	return cmd
}

// writeToolchains writes one line a toolchain.
func writeToolchains(w io.Writer, list []target.UsedToolchain) {
	table := text.Table{Align: "llr"}
	for _, t := range list {
		users := strings.Join(t.Targets, ", ")
		if users == "" {
			users = "no target"
		}
		table.Row(t.Name, t.Suite, text.Bytes(t.Bytes), users)
	}
	fmt.Fprint(w, table.String())
}

func toolchainRemoveVerb(*app) *cobra.Command {
	return &cobra.Command{
		Use:               "rm NAME",
		Short:             "Remove a toolchain that no target uses",
		Args:              wants(1, 1, "NAME"),
		ValidArgsFunction: completeToolchains,
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := target.DefaultStore()
			if err != nil {
				return err
			}
			return store.RemoveToolchain(cmd.Context(), args[0])
		},
	}
}

// completeToolchains is shell completion for toolchain names.
func completeToolchains(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	list := func(s *target.Store) ([]*toolchain.Toolchain, error) { return s.Toolchains().List() }
	return completeStored(list, func(t *toolchain.Toolchain) string { return t.Name })
}
