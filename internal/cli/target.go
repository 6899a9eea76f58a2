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

Targets are kept in $KINTSUGI_CACHE, else in $XDG_CACHE_HOME/kintsugi, else in
~/.cache/kintsugi.`,
	}
	cmd.AddCommand(targetAddVerb(a), targetListVerb(a), targetShowVerb(a), targetRemoveVerb(a))
	return cmd
}

func targetAddVerb(a *app) *cobra.Command {
	var spec target.LocalSpec
	var chain, version string
	cmd := a.reporting(&cobra.Command{
		Use:   "add debian[:WHAT] | running | NAME --source DIR|TAR --config FILE --headers DIR --image FILE",
		Short: "Prepare a kernel of Debian, the running kernel, or a kernel from local files",
		Long: `Prepare a kernel that modules can be built for. A target that exists already is
left as it is.

debian fetches the newest kernel of this machine's Debian. debian:WHAT fetches
the newest kernel of a suite (trixie), a series (6.1), a version (6.1.192-2), a
release (6.1.0-56, 6.1.0-56-cloud-amd64) or a flavour (cloud, rt). Each of these
can follow a suite: trixie/cloud. Without a suite, the first suite that has such
a kernel is used.

running takes the kernel of this machine from its installed files: /boot,
/lib/modules, headers, and Debian's source package. If the source is not
installed, it is fetched.

NAME makes a target from local files and never writes to them. For a kernel that
was built on this machine, --source TREE is enough, or after make O=BUILD
--headers BUILD: the other files are found there.

--toolchain chooses the compiler and the other programs of the kernel's build.
debian:SUITE fetches them from a suite of Debian, into a root that all targets of
the suite share. A folder is another root, such as the file system of a
container. host uses the programs of this machine.`,
		Args: wants(1, 1, "debian[:WHAT], running or NAME"),
	})
	flags := cmd.Flags()
	flags.StringVar(&spec.Source, "source", "", "read the source from `PATH`, a tree or tarball")
	flags.StringVar(&spec.Config, "config", "", "use `FILE` as the .config")
	flags.StringVar(&spec.Headers, "headers", "", "build modules against `DIR` (make -C)")
	flags.StringVar(&spec.Image, "image", "", "use `FILE` as the image, bzImage or vmlinux")
	flags.StringVar(&spec.Modules, "modules", "", "read the kernel's modules from `DIR` (lib/modules/RELEASE)")
	flags.StringVar(&chain, "toolchain", "", "compile with host, debian:SUITE, or the programs below `ROOT`")
	flags.StringVar(&version, "toolchain-version", "",
		"use this `VERSION` of the compiler's package if Debian no longer offers the kernel's own")
	flags.StringVar(&spec.DebugVmlinux, "debug-vmlinux", "", "use `FILE` as the vmlinux with debug information")
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
		return nil, fault.Inputf("%s takes no local files: kintsugi finds the files of that kernel itself", spec.Name).
			Hint("for a target from local files, choose another name than %s", spec.Name)
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

// writeTargets writes one line a target and nothing else, so that lines can be
// counted.
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
		Short:             "Show the facts and files of a target",
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
		Short:             "Remove a target and the packages that no other target needs",
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
