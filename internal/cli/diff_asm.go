package cli

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"

	"golang.org/x/term"

	"kintsugi/elfdiff"
	"kintsugi/internal/debuginfo"
	"kintsugi/internal/disasm"
	"kintsugi/internal/objmodel"
	"kintsugi/internal/report"
	"kintsugi/internal/text"
)

// view shows the code of a pair of objects to a person.
type view struct {
	result   *elfdiff.Result
	old, new *debuginfo.Lines // nil: no readable DWARF
	compared map[*objmodel.Atom][]disasm.Row
	asked    map[*objmodel.Atom]bool // functions that a diagnostic names
}

func newView(result *elfdiff.Result) *view {
	return &view{result: result, old: lineTable(result.Orig), new: lineTable(result.Patched),
		compared: map[*objmodel.Atom][]disasm.Row{}, asked: map[*objmodel.Atom]bool{}}
}

func lineTable(o *objmodel.Object) *debuginfo.Lines {
	lines, err := debuginfo.ReadLines(o.File)
	if err != nil {
		slog.Warn("no source lines", "error", err)
		return nil
	}
	return lines
}

// rows compares a function of the patched object with its original.
func (v *view) rows(f *objmodel.Atom) []disasm.Row {
	if rows, ok := v.compared[f]; ok {
		return rows
	}
	var old []disasm.Line
	twin := v.result.Pairs.Twin
	if twin(f) != nil {
		old = disasm.Function(v.result.Orig, twin(f), v.old, twin)
	}
	rows := disasm.Compare(old, disasm.Function(v.result.Patched, f, v.new, twin))
	v.compared[f] = rows
	return rows
}

// cause explains why f is in the result. If the chain ends at f itself, the
// source line of the first difference is added, and the inlined function that
// the line belongs to.
func (v *view) cause(f *elfdiff.Function) []report.Cause {
	cause := append([]report.Cause{}, f.Cause...)
	if len(cause) == 0 {
		return cause
	}
	last := &cause[len(cause)-1]
	if last.Symbol != f.Name || last.Source != "" {
		return cause // the chain ends at another function, which has an entry of its own
	}
	source, inline := disasm.Place(v.rows(f.New))
	last.Source = source
	if f.Old != nil && inline != "" {
		cause = append(cause, report.Cause{Kind: report.ByInline, Symbol: inline, Source: source})
	}
	return cause
}

// locate adds source lines to diagnostics that name a function: the line of its
// first difference, else its first line.
func (v *view) locate(diagnostics []report.Diagnostic) {
	functions := map[string]*objmodel.Atom{}
	for _, f := range v.result.Patched.Functions() {
		functions[f.Name] = f
	}
	for i := range diagnostics {
		d := &diagnostics[i]
		f := functions[d.Symbol]
		if f == nil {
			continue
		}
		v.asked[f] = true
		if d.Source == "" {
			d.Source, _ = disasm.Place(v.rows(f))
		}
	}
}

// wide is the least width of a terminal for two columns of code.
const wide = 120

// write shows the changed code of all functions. columns is the width of the
// terminal, 0 without one. A wide terminal gets old and new side by side.
func (v *view) write(w io.Writer, columns int) {
	included := map[*objmodel.Atom]bool{}
	for _, f := range v.result.Functions {
		included[f.New] = true
	}
	for _, f := range v.result.Patched.Functions() {
		if !included[f] && !(v.asked[f] && disasm.Changed(v.rows(f))) {
			continue
		}
		fmt.Fprintf(w, "\n%s:\n", text.Printable(disasm.Demangle(f.Name)))
		switch rows := v.rows(f); {
		case !disasm.Changed(rows):
			fmt.Fprintln(w, "  the instructions are the same")
		case columns >= wide:
			disasm.SideBySide(w, rows, columns)
		default:
			disasm.Unified(w, rows)
		}
	}
}

// columns is the width of the terminal w, 0 if w is no terminal.
func columns(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width == 0 {
		width, _ = strconv.Atoi(os.Getenv("COLUMNS"))
	}
	return width
}
