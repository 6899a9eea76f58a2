// Package diag is the table of diagnostics: each code with its severity, its
// meaning and what to do about it. docs/diagnostics.md is printed from it.
package diag

// Code names a kind of finding. Codes are stable: they are never renamed.
type Code string

// Severity decides what a finding means for the livepatch.
type Severity string

const (
	Error   Severity = "error"   // the patch cannot be livepatched
	Consent Severity = "consent" // refuses like an error, until the author accepts the finding
	Warning Severity = "warning" // the author should read it
	Note    Severity = "note"    // a change was left out or done differently
)

// Refuses reports whether a finding of severity s prevents a livepatch.
func (s Severity) Refuses() bool { return s == Error || s == Consent }

// Row describes a code.
type Row struct {
	Code     Code
	Severity Severity
	Title    string // a short sentence
	// Pins is true if accepting a finding makes a module that stays loaded. A warning
	// that pins can be accepted too.
	Pins bool
	// Also lists the cases in which the code has another severity.
	Also []Also
	// Meaning, Example and Advice are paragraphs of Markdown. Example is a
	// message as a user sees it.
	Meaning string
	Example string
	Advice  string
}

// Severities are those that findings of the row's code can have, the usual one first.
func (r *Row) Severities() []Severity {
	list := []Severity{r.Severity}
	for _, a := range r.Also {
		list = append(list, a.Severity)
	}
	return list
}

// Acceptable reports whether an author can accept a finding of severity s.
func (r *Row) Acceptable(s Severity) bool { return s == Consent || s == Warning && r.Pins }

// Case names circumstances in which a code has another severity than usual.
type Case string

const (
	Usual      Case = ""
	Alone      Case = "alone"       // nothing else in the patch has an effect on this kernel
	HasRun     Case = "has-run"     // the code has run, and shares nothing with the other changes
	OnStack    Case = "on-stack"    // all objects of the type are local variables
	NotShipped Case = "not-shipped" // the target does not have the module
	Doubtful   Case = "doubtful"    // no rule of the kernel refuses it, or the rule could not be applied
	Unseen     Case = "unseen"      // the file that a rule needs cannot be read
)

// Also is a severity that a code has in one case.
type Also struct {
	Case     Case
	Severity Severity
	When     string
}

// Severity is the severity of c in a case: the usual severity, unless the row
// of c lists the case.
func (c Code) Severity(in Case) Severity {
	row, ok := Lookup(c)
	if !ok {
		panic("no row in the table of diagnostics: " + string(c))
	}
	for _, a := range row.Also {
		if a.Case == in {
			return a.Severity
		}
	}
	return row.Severity
}

// Group is a chapter of the table.
type Group struct {
	Title string
	Rows  []Row
}

// Groups is the table.
var Groups = []Group{
	{"The patch", patchRows},
	{"The proof", proofRows},
	{"What changed", changeRows},
	{"The module", moduleRows},
}

// Lookup returns the row of c.
func Lookup(c Code) (Row, bool) {
	for _, g := range Groups {
		for _, r := range g.Rows {
			if r.Code == c {
				return r, true
			}
		}
	}
	return Row{}, false
}

// Codes returns every code, in the order of the table.
func Codes() []Code {
	var codes []Code
	for _, g := range Groups {
		for _, r := range g.Rows {
			codes = append(codes, r.Code)
		}
	}
	return codes
}
