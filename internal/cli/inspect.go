package cli

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"kintsugi/internal/diag"
	"kintsugi/internal/fault"
	"kintsugi/internal/klp"
	"kintsugi/internal/kofile"
	"kintsugi/internal/report"
	"kintsugi/internal/target"
	"kintsugi/internal/text"
)

func inspectVerb(a *app) *cobra.Command {
	cmd := a.reporting(&cobra.Command{
		Use:   "inspect [flags] MODULE.ko",
		Short: "Show what a livepatch module replaces and, with -t, whether it would load",
		Long: `Show the functions that a livepatch module replaces, and the symbols of the kernel
that it refers to. With -t, check whether the target's kernel would load it.

Exit codes: 0 shown; 1 the kernel would not load it; 2 not a module.`,
		Args: wants(1, 1, "MODULE.ko"),
	})
	name := a.targetFlag(cmd)
	cmd.Flags().Lookup("target").Usage = "check whether the kernel of the target `NAME` would load the module"
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if !cmd.Flags().Changed("target") {
			return a.inspect(args[0], nil)
		}
		t, err := openTarget(*name)
		if err != nil {
			return err
		}
		return a.inspect(args[0], t)
	}
	return cmd
}

// inspection is the result of inspect.
type inspection struct {
	*klp.Module
	Load *loadCheck `json:"load,omitempty"` // nil without -t
}

// loadCheck states whether a target's kernel would load a module.
type loadCheck struct {
	Target      string              `json:"target"`
	Release     string              `json:"release"`
	OK          bool                `json:"ok"`
	Diagnostics []report.Diagnostic `json:"diagnostics"`
}

// inspect prints what the module replaces. t may be nil.
func (a *app) inspect(path string, t *target.Target) error {
	file, err := readFile(path)
	if err != nil {
		return fault.Inputf("module: %w", err)
	}
	ko, err := kofile.Unpack(bytes.NewReader(file))
	if err != nil {
		return fault.Inputf("%s: %w", path, err)
	}
	i := inspection{}
	if i.Module, err = klp.Inspect(ko); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if t != nil {
		if i.Load, err = checkLoad(ko, t); err != nil {
			return err
		}
	}
	if err := a.print(i, i.writeText); err != nil {
		return err
	}
	if i.Load != nil && !i.Load.OK {
		return fault.Verdictf(diag.LoadRule, "%s would not load this module", i.Load.Release)
	}
	return nil
}

func checkLoad(ko []byte, t *target.Target) (*loadCheck, error) {
	kernel, err := klp.OpenKernel(t.Vmlinux, t.Symvers)
	if err != nil {
		return nil, err
	}
	defer kernel.Image.Close()
	if t.Modules != "" {
		kernel.ReadModule = kofile.Open(t.Modules).Read
	}
	rep := report.Report{Diagnostics: append([]report.Diagnostic{}, kernel.Verify(ko)...)}
	rep.Sort()
	return &loadCheck{Target: t.Name, Release: t.Release, OK: rep.Errors() == 0, Diagnostics: rep.Diagnostics}, nil
}

func (i inspection) writeText(w io.Writer) {
	parts := []string{factsText(i.Module), patchText(i.Module), referencesText(i.References), importsText(i.Imports)}
	if i.Load != nil {
		parts = append(parts, i.Load.text())
	}
	for n, part := range parts {
		if n > 0 && part != "" {
			fmt.Fprint(w, "\n")
		}
		fmt.Fprint(w, part)
	}
}

func factsText(m *klp.Module) string {
	facts := text.Table{}
	facts.Row("name", m.Name)
	facts.Row("vermagic", m.Vermagic)
	facts.Row("license", m.License)
	facts.Row("livepatch", yes(m.Livepatch))
	if m.Patch != nil {
		facts.Row("replace", yes(m.Patch.Replace))
	}
	facts.Row("signed", yes(m.Signed))
	if m.Pinned {
		facts.Row("pinned", "yes: it stays loaded until the next boot")
	}
	facts.Row("size", text.Bytes(int64(m.Size)))
	for _, list := range []struct {
		name   string
		values []string
	}{{"depends", m.Depends}, {"namespaces", m.ImportNS}, {"accepted", m.Accepted}} {
		if len(list.values) > 0 {
			facts.Row(list.name, strings.Join(list.values, ", "))
		}
	}
	return facts.String()
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// patchText lists what the module replaces. Positions are written as in the
// kernel's sysfs: NAME,POSITION.
func patchText(m *klp.Module) string {
	if m.Patch == nil {
		return missingPatch(m.Livepatch)
	}
	functions, further := text.Table{Indent: "  ", Align: "lllrl"}, text.Table{Indent: "  "}
	for _, o := range m.Patch.Objects {
		for _, f := range o.Functions {
			functions.Row(o.Name+"/"+positioned(f.OldName, f.SymPos), "->", f.NewFunc, fmt.Sprint(f.Size), "bytes")
		}
		if len(o.Callbacks) > 0 {
			further.Row("callbacks", o.Name, strings.Join(o.Callbacks, ", "))
		}
	}
	for _, s := range m.Patch.States {
		further.Row("state", fmt.Sprint(s.ID), fmt.Sprintf("version %d", s.Version))
	}
	return "replaced functions\n" + functions.String() + further.String()
}

func missingPatch(livepatch bool) string {
	if livepatch {
		return "the replaced functions are unknown: the module makes its struct klp_patch when it is loaded\n"
	}
	return "not a livepatch: it is a plain kernel module\n"
}

func positioned(name string, pos uint64) string {
	if pos == 0 {
		return name
	}
	return fmt.Sprintf("%s,%d", name, pos)
}

func referencesText(refs []klp.Reference) string {
	if len(refs) == 0 {
		return ""
	}
	table := text.Table{Indent: "  ", Align: "lrll"}
	for _, r := range refs {
		for _, u := range r.Uses {
			table.Row(r.Object+"/"+positioned(r.Symbol, r.SymPos), fmt.Sprint(u.Relocs), "in", u.Section)
		}
	}
	return "livepatch relocations\n" + table.String()
}

func importsText(imports []klp.Import) string {
	if len(imports) == 0 {
		return ""
	}
	table := text.Table{Indent: "  "}
	for _, i := range imports {
		crc := ""
		if i.CRC != nil {
			crc = fmt.Sprintf("%#08x", *i.CRC)
		}
		table.Row(i.Symbol, crc)
	}
	return "exported symbols\n" + table.String()
}

func (l *loadCheck) text() string {
	var b strings.Builder
	verdict := "would load"
	if !l.OK {
		verdict = "would not load"
	}
	fmt.Fprintf(&b, "%s on %s\n", verdict, text.Printable(l.Release))
	for _, d := range l.Diagnostics {
		fmt.Fprintf(&b, "  %s[%s]: %s\n", d.Severity, d.Code, text.Printable(d.Message))
		if d.Hint != "" {
			fmt.Fprintf(&b, "    hint: %s\n", text.Printable(d.Hint))
		}
	}
	return b.String()
}
