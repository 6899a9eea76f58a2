package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"kintsugi/internal/livepatch"
	"kintsugi/internal/text"
)

func statusVerb(a *app) *cobra.Command {
	cmd := a.reporting(&cobra.Command{
		Use:   "status [NAME]",
		Short: "Show the functions that livepatches replace, and the tasks that a transition waits for",
		Args:  wants(0, 1, "at most one NAME"),

		ValidArgsFunction: completePatches,
	})
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		patches, err := status(args)
		if err != nil {
			return err
		}
		return a.print(patches, func(w io.Writer) {
			for i, p := range patches {
				if i > 0 {
					fmt.Fprintln(w)
				}
				writePatch(w, &p)
			}
		})
	}
	return cmd
}

// status returns the livepatch of that name. Without a name it returns all.
func status(names []string) ([]livepatch.Patch, error) {
	host := new(livepatch.Host)
	if len(names) == 0 {
		return host.List()
	}
	p, err := host.Status(names[0])
	if err != nil {
		return nil, err
	}
	return []livepatch.Patch{*p}, nil
}

// writePatch writes a livepatch, its functions, and the tasks that its
// transition waits for.
func writePatch(w io.Writer, p *livepatch.Patch) {
	fmt.Fprintf(w, "%s  %s\n", text.Printable(p.Name), stateText(p))
	functions := text.Table{Indent: "  "}
	for _, o := range p.Objects {
		for _, f := range o.Functions {
			functions.Row(fmt.Sprintf("%s/%s,%d", o.Name, f.Name, f.SymPos), objectState(o))
		}
	}
	fmt.Fprint(w, functions.String())
	for _, t := range p.Blockers {
		fmt.Fprintf(w, "  waits for %s\n", text.Printable(t.String()))
	}
}

// stateText is the state of a livepatch, and whether its module can be unloaded.
func stateText(p *livepatch.Patch) string {
	if p.Pinned {
		return string(p.State) + " (pinned: the module stays loaded until the next boot)"
	}
	return string(p.State)
}

// objectState is a remark for an object that is not loaded, else empty.
func objectState(o livepatch.Object) string {
	if o.Patched != nil && !*o.Patched {
		return "not patched: the module is not loaded"
	}
	return ""
}
