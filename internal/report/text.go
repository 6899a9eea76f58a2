package report

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"kintsugi/internal/diag"
	"kintsugi/internal/text"
)

// TextOptions selects what is written in addition to the findings.
type TextOptions struct {
	Timings bool // time of each stage
}

// WriteText writes r for a person: the verdict, the contents of the module and their causes, its
// references, how much of the original was proven, and the diagnostics. It ignores errors of w.
func (r *Report) WriteText(w io.Writer, opts TextOptions) {
	parts := []string{r.headline(), r.functionsText(), r.dataText(), r.callbacksText(), r.statesText(),
		r.referencesText(), r.proofText(), r.testText()}
	if opts.Timings {
		parts = append(parts, r.timingsText())
	}
	parts = append(parts, r.acceptedText(), r.diagnosticsText()) // last, because a terminal shows the end
	fmt.Fprint(w, joined("\n", parts...))
}

// Errors returns the number of diagnostics that refuse the livepatch.
func (r *Report) Errors() int {
	n := 0
	for _, d := range r.Diagnostics {
		if d.Severity.Refuses() {
			n++
		}
	}
	return n
}

// OnlyConsent reports whether only missing consent refuses the livepatch.
func (r *Report) OnlyConsent() bool {
	refusing := func(d Diagnostic) bool { return d.Severity == diag.Error }
	return r.Errors() > 0 && !slices.ContainsFunc(r.Diagnostics, refusing)
}

var headlines = map[Verdict]string{
	OK:      "ok: can be livepatched",
	Fixed:   "fixed: already has all of this change",
	Refused: "refused: cannot be livepatched",
	Nothing: "nothing: no code or data of the kernel changes",
	Failed:  "failed",
}

// headline returns the verdict and its subject.
func (r *Report) headline() string {
	line := headlines[r.Verdict]
	if r.Verdict == Refused && r.OnlyConsent() {
		line = "refused: needs consent"
	}
	if r.Module != nil {
		line = string(r.Verdict) + ": " + r.Module.Name
	}
	if r.Target != nil {
		line += " on " + r.Target.Release
	}
	return text.Printable(line) + "\n"
}

// diagnosticsText prints each diagnostic as a block:
//
//	error[data-changed]: vmlinux/foo (fs/proc/meminfo.c:7): message
//	  hint: what to do
func (r *Report) diagnosticsText() string {
	var b strings.Builder
	for _, d := range r.Diagnostics {
		code, place := text.Printable(string(d.Code)), text.Printable(d.place())
		fmt.Fprintf(&b, "%s[%s]: %s%s\n", d.Severity, code, place, indented(d.Message))
		if d.Hint != "" {
			fmt.Fprintf(&b, "  hint: %s\n", indented(d.Hint))
		}
		if d.Severity == diag.Consent {
			fmt.Fprintf(&b, "  to accept: --accept %s\n", d.acceptFlag())
		}
	}
	return b.String()
}

// acceptFlag returns the value of --accept that accepts d, quoted for a shell.
func (d *Diagnostic) acceptFlag() string {
	value := text.Printable(joined(":", string(d.Code), d.Symbol))
	if strings.ContainsAny(value, " '\"$`\\*?[](){}<>|&;!#~") {
		return "'" + strings.ReplaceAll(value, "'", `'\''`) + "'"
	}
	return value
}

// acceptedText lists the findings that somebody has accepted.
func (r *Report) acceptedText() string {
	var b strings.Builder
	for _, a := range r.Accepted {
		code, place := text.Printable(string(a.Code)), text.Printable(a.place())
		fmt.Fprintf(&b, "accepted[%s]: %s%s\n", code, place, indented(a.Message))
		fmt.Fprintf(&b, "  by: the %s\n", a.By)
	}
	return b.String()
}

// place returns the known parts of a diagnostic's place, "object/symbol (source): ".
func (d *Diagnostic) place() string {
	place := within(d.Object, d.Symbol)
	switch {
	case place == "":
		place = d.Source
	case d.Source != "":
		place += " (" + d.Source + ")"
	}
	return strings.TrimPrefix(place+": ", ": ")
}

// within returns "object/name", or the part that is not empty.
func within(object, name string) string { return joined("/", object, name) }

// indented indents the second and further lines of s.
func indented(s string) string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	for i, l := range lines {
		lines[i] = text.Printable(l)
	}
	return strings.Join(lines, "\n    ")
}

func (r *Report) functionsText() string {
	if len(r.Functions) == 0 {
		return ""
	}
	table := text.Table{Indent: "  ", Align: "lllr"}
	for _, f := range r.Functions {
		table.Row(string(f.Status), within(f.Object, f.symbol()), f.Unit, f.sizes()+" bytes")
	}
	rows := strings.SplitAfter(table.String(), "\n")
	var b strings.Builder
	b.WriteString("functions\n")
	for i, f := range r.Functions {
		b.WriteString(rows[i])
		b.WriteString(f.causesText())
	}
	return b.String()
}

// symbol returns the function's name. If the kernel has several symbols with this name, its
// position follows.
func (f *Function) symbol() string {
	if f.SymPos == 0 {
		return f.Name
	}
	return fmt.Sprintf("%s,%d", f.Name, f.SymPos)
}

func (f *Function) sizes() string {
	if f.Status == StatusNew {
		return fmt.Sprint(f.NewSize)
	}
	return fmt.Sprintf("%d -> %d", f.OldSize, f.NewSize)
}

// causesText prints the chain from a function to the changed line.
func (f *Function) causesText() string {
	table := text.Table{Indent: "           "}
	for _, c := range f.Cause {
		if c.Symbol == f.Name {
			c.Symbol = "" // already printed above
		}
		where := joined(" at ", c.Symbol, c.Source)
		table.Row(string(c.Kind), joined(": ", where, c.Detail))
	}
	return table.String()
}

// joined joins the parts that are not empty.
func joined(by string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, empty), by)
}

func empty(s string) bool { return s == "" }

func (r *Report) dataText() string {
	if len(r.Data) == 0 {
		return ""
	}
	table := text.Table{Indent: "  "}
	for _, d := range r.Data {
		table.Row(string(d.Status), within(d.Object, d.Name), d.Unit)
	}
	return "data\n" + table.String()
}

// referencesText counts the references by how the kernel resolves them.
func (r *Report) referencesText() string {
	if len(r.References) == 0 {
		return ""
	}
	counts := map[string]int{}
	for _, ref := range r.References {
		counts[string(ref.Kind)+" by "+string(ref.How)]++
	}
	table := text.Table{Indent: "  ", Align: "r"}
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		table.Row(fmt.Sprint(counts[kind]), kind)
	}
	return "references\n" + table.String()
}

// proofText prints how many functions of each unit the image contains as compiled.
func (r *Report) proofText() string {
	var b strings.Builder
	table := text.Table{Indent: "  "}
	for _, u := range r.Units {
		if u.New {
			table.Row(u.Source, u.Owner, "a new file")
			continue
		}
		if u.Proof == nil {
			continue
		}
		functions := text.Count(u.Proof.Functions, "function")
		table.Row(u.Source, u.Owner, fmt.Sprintf("%d of %s found in the image", u.Proof.Proven, functions))
		for _, f := range u.Proof.Unproven {
			fmt.Fprintf(&b, "  not %s: %s\n", text.Printable(f.Name), text.Printable(f.Reason))
		}
	}
	if rows := table.String(); rows != "" {
		return "proof\n" + rows + b.String()
	}
	return ""
}

// timingsText prints the time of each stage, the longest first.
func (r *Report) timingsText() string {
	if len(r.Timings) == 0 {
		return ""
	}
	stages := slices.SortedFunc(maps.Keys(r.Timings), func(a, b string) int {
		return cmp.Or(cmp.Compare(r.Timings[b], r.Timings[a]), cmp.Compare(a, b))
	})
	table := text.Table{Indent: "  ", Align: "lr"}
	for _, stage := range stages {
		table.Row(stage, fmt.Sprintf("%d ms", r.Timings[stage]))
	}
	return "timings\n" + table.String()
}
