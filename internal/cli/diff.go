package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"kintsugi/elfdiff"
	"kintsugi/internal/consent"
	"kintsugi/internal/disasm"
	"kintsugi/internal/elfobj"
	"kintsugi/internal/extract"
	"kintsugi/internal/fault"
	"kintsugi/internal/klp"
	"kintsugi/internal/report"
	"kintsugi/internal/text"
)

// diffOptions are the arguments and flags of diff.
type diffOptions struct {
	orig, patched   string // files
	symtab, symvers string // files, empty: none
	out             string // file, empty: none
	asm             bool
	accept          []consent.Given
}

func diffVerb(a *app) *cobra.Command {
	var opts diffOptions
	cmd := a.reporting(&cobra.Command{
		Use:   "diff [flags] ORIG.o PATCHED.o",
		Short: "Show what changed between two objects, and extract the change as an object",
		Long: `Show function by function what changed between two relocatable objects of the same
source file. With -o, write an object that has the changed code only.

References of OUT.o to the kernel are plain undefined symbols. With --symtab they
are resolved by name against the symbol table of vmlinux: a symbol that --symvers
lists as an export stays plain, any other becomes the livepatch symbol
.klp.sym.vmlinux.NAME,POSITION. A name that several symbols have is refused.
Objects of modules cannot be resolved by name.

Exit codes: 0 the change can be livepatched; 1 it cannot, or nothing changed, and
OUT.o is not written; 2 a file cannot be read.`,
		Args: wants(2, 2, "ORIG.o PATCHED.o"),
	})
	flags := cmd.Flags()
	flags.StringVarP(&opts.out, "output", "o", "", "write the object of the changed code to `OUT.o`")
	flags.StringVar(&opts.symtab, "symtab", "",
		"read the kernel's symbols from `FILE`: output of readelf -sW or nm, System.map or /proc/kallsyms")
	flags.StringVar(&opts.symvers, "symvers", "", "read the kernel's exports from `FILE`, a Module.symvers")
	flags.BoolVar(&opts.asm, "asm", false, "show the changed instructions, side by side on a wide terminal")
	accept := acceptFlag(cmd)
	cmd.RunE = func(_ *cobra.Command, objects []string) (err error) {
		opts.orig, opts.patched = objects[0], objects[1]
		if opts.accept, err = accept(); err != nil {
			return err
		}
		return a.diff(opts)
	}
	return cmd
}

// diff prints what changed, and writes the object of the changed code.
func (a *app) diff(opts diffOptions) error {
	result, err := diffFiles(opts.orig, opts.patched)
	if err != nil {
		return err
	}
	kernel, err := readNames(opts, result)
	if err != nil {
		return err
	}
	rep := report.New(version())
	view := newView(result)
	object, verdict := contents(rep, result, kernel, view, opts.accept)
	if verdict != nil && fault.ClassOf(verdict) != fault.Verdict {
		return verdict
	}
	if verdict == nil && opts.out != "" {
		if err := replaceFile(opts.out, object); err != nil {
			return err
		}
	}
	err = a.print(rep, func(w io.Writer) {
		shown := demangled(rep)
		shown.WriteText(w, report.TextOptions{})
		fmt.Fprint(w, removedText(result.Removed))
		if opts.asm {
			view.write(w, columns(a.stdout))
		}
		if verdict == nil && opts.out != "" {
			fmt.Fprintf(w, "\nobject  %s\n", opts.out)
		}
	})
	if verdict != nil {
		return shortened(rep, verdict)
	}
	return err
}

func diffFiles(orig, patched string) (*elfdiff.Result, error) {
	a, err := readObject(orig)
	if err != nil {
		return nil, err
	}
	b, err := readObject(patched)
	if err != nil {
		return nil, err
	}
	result, err := elfdiff.Diff(a, b)
	if err != nil {
		return nil, fault.Inputf("%s and %s: %w", orig, patched, err)
	}
	return result, nil
}

func readObject(path string) (*elfobj.File, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, fault.Inputf("object: %w", err)
	}
	file, err := elfobj.Read(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return file, nil
}

// contents fills rep and returns the bytes of the object of the changed code, or
// the verdict that there is none.
func contents(rep *report.Report, result *elfdiff.Result, kernel *names, view *view,
	accept []consent.Given) ([]byte, error) {
	defer rep.Sort()
	rep.Verdict = report.OK
	rep.Diagnostics = append(rep.Diagnostics, result.Diagnostics...)
	describe(rep, result, view)
	x, verdict := cut(result)
	var renamed map[*elfobj.Symbol]string
	if verdict == nil {
		renamed = kernel.resolve(rep, result, x)
	}
	view.locate(rep.Diagnostics)
	consent.Settle(rep, accept)
	switch {
	case rep.Errors() > 0:
		rep.Verdict = report.Refused
		return nil, errRefused()
	case verdict != nil:
		rep.Verdict = report.Nothing
		return nil, verdict
	}
	rep.Diagnostics = append(rep.Diagnostics, consent.Unused(rep, accept)...)
	return x.File.WriteAs(renamed)
}

func errSame() error {
	return fault.Verdictf("", "nothing that runs differs between the two objects")
}
func errRefused() error { return fault.Verdictf("", "the change cannot be livepatched") }

// cut extracts the changed code.
func cut(result *elfdiff.Result) (*extract.Object, error) {
	if result.Refused() {
		return nil, errRefused()
	}
	if result.Empty() {
		return nil, errSame()
	}
	x, err := extract.Cut(result, extract.Options{Prefix: "klp0_"}) // as a build names them
	if err != nil {
		return nil, err
	}
	return x, nil
}

// describe adds to rep what a pair of objects shows without its kernel.
func describe(rep *report.Report, result *elfdiff.Result, view *view) {
	for _, f := range result.Functions {
		out := report.Function{Name: f.Name, Status: report.StatusNew, NewSize: f.New.Size, Cause: view.cause(f)}
		if f.Old != nil {
			out.Status, out.OldSize = report.StatusChanged, f.Old.Size
		}
		rep.Functions = append(rep.Functions, out)
	}
	for _, d := range result.Data {
		rep.Data = append(rep.Data, report.Data{Name: d.Name, Status: d.Status})
	}
	for _, c := range result.Callbacks {
		rep.Callbacks = append(rep.Callbacks, report.Callback{Kind: c.Kind, Name: c.Func.Name})
	}
	for _, s := range result.States {
		rep.States = append(rep.States, report.State{ID: s.ID, Version: s.Version})
	}
}

// demangled is a copy of rep with the names of the source, for a person to read.
func demangled(rep *report.Report) *report.Report {
	shown := *rep
	shown.Functions = slices.Clone(rep.Functions)
	for i := range shown.Functions {
		f := &shown.Functions[i]
		f.Name, f.Cause = disasm.Demangle(f.Name), slices.Clone(f.Cause)
		for j := range f.Cause {
			c := &f.Cause[j]
			c.Symbol, c.Detail = disasm.Demangle(c.Symbol), disasm.Demangle(c.Detail)
		}
	}
	shown.Data = slices.Clone(rep.Data)
	for i := range shown.Data {
		shown.Data[i].Name = disasm.Demangle(shown.Data[i].Name)
	}
	shown.Diagnostics = slices.Clone(rep.Diagnostics)
	for i := range shown.Diagnostics {
		d := &shown.Diagnostics[i]
		d.Symbol, d.Message = disasm.Demangle(d.Symbol), disasm.Demangle(d.Message)
	}
	return &shown
}

func removedText(removed []string) string {
	var b strings.Builder
	for _, name := range removed {
		if b.Len() == 0 {
			b.WriteString("\nonly in the original\n")
		}
		fmt.Fprintf(&b, "  %s\n", text.Printable(disasm.Demangle(name)))
	}
	return b.String()
}

// names are the symbols and exports of the kernel of a pair of objects.
type names struct {
	symtab  *klp.Symtab           // nil: not given
	exports map[string]klp.Export // nil: not given
}

func readNames(opts diffOptions, result *elfdiff.Result) (*names, error) {
	n := &names{}
	if opts.symvers != "" {
		data, err := readFile(opts.symvers)
		if err != nil {
			return nil, fault.Inputf("exports: %w", err)
		}
		if n.exports, err = klp.ReadSymvers(data); err != nil {
			return nil, fault.Inputf("%s: %w", opts.symvers, err)
		}
	}
	if opts.symtab == "" {
		return n, nil
	}
	if result.Orig.File.Section(".gnu.linkonce.this_module") != nil {
		return nil, fault.Inputf("--symtab: %s is a module, and only vmlinux can be resolved by name", opts.orig).
			Hint("without --symtab, the references of the object stay plain")
	}
	data, err := readFile(opts.symtab)
	if err != nil {
		return nil, fault.Inputf("symbol table: %w", err)
	}
	if n.symtab, err = klp.ReadSymtab(data); err != nil {
		return nil, fmt.Errorf("%s: %w", opts.symtab, err)
	}
	return n, nil
}

// resolve finds in the kernel the references of x and the functions that x
// replaces. It returns the livepatch names of the symbols of x.
func (n *names) resolve(rep *report.Report, result *elfdiff.Result, x *extract.Object) map[*elfobj.Symbol]string {
	if n.symtab == nil {
		rep.References = append(rep.References, klp.ResolveExports(x, n.exports).References...)
		return nil
	}
	for i, f := range result.Functions {
		rep.Functions[i].Object = klp.Vmlinux
		if !f.Patch {
			continue
		}
		t, d := n.symtab.Replaced(f)
		if d != nil {
			rep.Diagnostics = append(rep.Diagnostics, *d)
		}
		rep.Functions[i].SymPos = t.SymPos
	}
	for i := range rep.Data {
		rep.Data[i].Object = klp.Vmlinux
	}
	res := n.symtab.Resolve(x, n.exports)
	rep.References = append(rep.References, res.References...)
	rep.Diagnostics = append(rep.Diagnostics, res.Diagnostics...)
	return res.Names
}
