package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"kintsugi/internal/fault"
	"kintsugi/internal/target"
	"kintsugi/internal/text"
	"kintsugi/internal/toolchain"
)

func targetVerb(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "target",
		Short: "Add, show and remove the kernels that modules are built for",
		Long: `Add, show and remove the kernels that modules are built for.

They are kept under $XDG_CACHE_HOME/kintsugi, or $KINTSUGI_CACHE where that is set.`,
	}
	cmd.AddCommand(targetAddVerb(a), targetListVerb(a), targetShowVerb(a), targetRemoveVerb(a))
	return cmd
}

func targetAddVerb(a *app) *cobra.Command {
	var spec target.LocalSpec
	var chain, version string
	cmd := a.reporting(&cobra.Command{
		Use:   "add debian[:WHAT] | running | NAME --source DIR|TAR --config FILE --headers DIR --image FILE",
		Short: "Prepare a kernel of Debian, the running kernel, or one from local files",
		Long: `Prepare a kernel that modules are to be built for. One that is there already is
left as it is.

debian is the newest kernel of this machine's Debian. debian:WHAT is the newest
one of a suite (trixie), of a series (6.1), of a version (6.1.192-2), of a
release (6.1.0-56, 6.1.0-56-cloud-amd64) or of a flavour (cloud, rt); a suite can
stand before all of these: trixie/cloud. The kernel is fetched. What is looked
for in all suites is taken from the first that has it.

--toolchain chooses what compiles the kernel. debian:SUITE fetches the compiler
and all else that the kernel's build runs from a suite of Debian, into a root that
all targets of the suite share. A folder is any other root, such as the file
system of a container. host is what is installed on this machine.

running is the kernel of this machine, from what is installed of it: /boot,
/lib/modules, headers, and Debian's source package; the source is fetched where
it is not installed.

NAME is for local files, which are never written to. For a kernel that was built
here, --source TREE or, after make O=BUILD, --headers BUILD is enough: the rest
is taken from there.`,
		Args: wants(1, 1, "debian[:WHAT], running or NAME"),
	})
	flags := cmd.Flags()
	flags.StringVar(&spec.Source, "source", "", "source tree, or a tarball of one")
	flags.StringVar(&spec.Config, "config", "", "the kernel's .config")
	flags.StringVar(&spec.Headers, "headers", "", "directory that modules are built against (make -C)")
	flags.StringVar(&spec.Image, "image", "", "bzImage or vmlinux")
	flags.StringVar(&spec.Modules, "modules", "", "directory of the kernel's modules (lib/modules/RELEASE)")
	flags.StringVar(&chain, "toolchain", "", "what compiles the kernel: host, debian:SUITE, or the `ROOT` of a system")
	flags.StringVar(&version, "toolchain-version", "", "take this `VERSION` of the compiler's package where the kernel's own is no longer offered")
	flags.StringVar(&spec.DebugVmlinux, "debug-vmlinux", "", "vmlinux with debug information")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		spec.Name = args[0]
		wanted, err := toolchain.ParseSpec(chain)
		if err != nil {
			return err
		}
		wanted.Version = version
		t, err := a.addTarget(cmd.Context(), spec, wanted)
		if err != nil {
			return err
		}
		return a.print(t, func(w io.Writer) { writeTargets(w, []*target.Target{t}) })
	}
	return cmd
}

func (a *app) addTarget(ctx context.Context, spec target.LocalSpec, wanted toolchain.Spec) (*target.Target, error) {
	store, err := target.DefaultStore()
	if err != nil {
		return nil, err
	}
	store.Toolchain = wanted
	release, debian := target.IsDebian(spec.Name)
	if !debian && spec.Name != target.Running {
		return store.AddLocal(ctx, spec, a.display.Step)
	}
	if spec != (target.LocalSpec{Name: spec.Name}) {
		return nil, fault.Inputf("a kernel of Debian is made from its packages and the running one from what is installed, not from local files").
			Hint("for local files, choose another name than %s", spec.Name)
	}
	if debian {
		return store.AddDebian(ctx, release, a.display.Step)
	}
	return store.AddRunning(ctx, "/", a.display.Step)
}

func targetListVerb(a *app) *cobra.Command {
	cmd := a.reporting(&cobra.Command{
		Use:   "list",
		Short: "List the targets",
		Args:  wants(0, 0, "no arguments"),
	})
	cmd.RunE = func(*cobra.Command, []string) error {
		store, err := target.DefaultStore()
		if err != nil {
			return err
		}
		targets, err := store.List()
		if err != nil {
			return err
		}
		return a.print(append([]*target.Target{}, targets...), func(w io.Writer) { writeTargets(w, targets) })
	}
	return cmd
}

// writeTargets writes a line a target, nothing where there is none: lines can
// be counted.
func writeTargets(w io.Writer, targets []*target.Target) {
	table := text.Table{}
	for _, t := range targets {
		table.Row(t.Name, t.Release, t.Origin, t.Version, t.CC)
	}
	fmt.Fprint(w, table.String())
}

func targetShowVerb(a *app) *cobra.Command {
	cmd := a.reporting(&cobra.Command{
		Use:               "show NAME",
		Short:             "Show what a target consists of",
		Args:              wants(1, 1, "NAME"),
		ValidArgsFunction: completeTargets,
	})
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		t, err := openTarget(args[0])
		if err != nil {
			return err
		}
		shown := struct {
			*target.Target
			Parts []target.Part `json:"parts"`
		}{t, t.Parts()}
		return a.print(shown, func(w io.Writer) { writeTarget(w, t, shown.Parts) })
	}
	return cmd
}

func writeTarget(w io.Writer, t *target.Target, parts []target.Part) {
	facts := text.Table{}
	facts.Row("name", t.Name)
	facts.Row("release", t.Release)
	facts.Row("origin", t.Origin)
	facts.Row("version", t.Version)
	facts.Row("arch", t.Arch)
	facts.Row("compiler", t.Compiler)
	files := text.Table{Align: "lr"}
	for _, p := range parts {
		files.Row(p.What, text.Bytes(p.Bytes), p.Path)
	}
	fmt.Fprintf(w, "%s\n%s", facts.String(), files.String())
}

func targetRemoveVerb(*app) *cobra.Command {
	return &cobra.Command{
		Use:               "rm NAME",
		Short:             "Remove a target, and the packages that only it needs",
		Args:              wants(1, 1, "NAME"),
		ValidArgsFunction: completeTargets,
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := target.DefaultStore()
			if err != nil {
				return err
			}
			return store.Remove(cmd.Context(), args[0])
		},
	}
}
