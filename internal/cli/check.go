package cli

import (
	"context"

	"github.com/spf13/cobra"

	"kintsugi/builder"
)

func checkVerb(a *app) *cobra.Command {
	opts := builder.Options{Replace: true, Version: version()}
	cmd := a.reporting(&cobra.Command{
		Use:   "check [flags] PATCH...",
		Short: "Check whether patches can be livepatched, without building the module",
		Long:  "Check whether patches can be livepatched, without building the module.\n" + patchHelp + kernelHelp,
		Args:  wants(1, maxPatches, "PATCH..."),
	})
	kernel := a.kernelFlags(cmd)
	a.compileFlags(cmd, &opts)
	a.fuzzFlag(cmd, &opts)
	accept := acceptFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, patches []string) error {
		opts.Patches = patches
		var err error
		if opts.Accept, err = accept(); err != nil {
			return err
		}
		return a.check(cmd.Context(), opts, kernel)
	}
	return cmd
}

// check prints what a build would find.
func (a *app) check(ctx context.Context, opts builder.Options, kernel *kernelChoice) error {
	if err := checkOptions(opts); err != nil {
		return err
	}
	var err error
	if opts.Target, err = a.openKernel(ctx, kernel); err != nil {
		return err
	}
	rep, err := builder.Check(ctx, opts)
	return a.printReport(rep, err, "")
}
