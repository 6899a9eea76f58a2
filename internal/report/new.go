package report

import "kintsugi/internal/diag"

// ToolName is the name of this program in its reports.
const ToolName = "kintsugi"

// New returns an empty report of the given version of kintsugi. Its lists are empty, never null in
// JSON.
func New(version string) *Report {
	return &Report{Schema: Schema, Tool: Tool{Name: ToolName, Version: version},
		Functions: []Function{}, Data: []Data{}, References: []Reference{}, Diagnostics: []Diagnostic{}}
}

// Found returns d with the severity that the table gives its code.
func Found(d Diagnostic) Diagnostic { return d.In(diag.Usual) }

// In returns d with the severity that its code has in case c of the table.
func (d Diagnostic) In(c diag.Case) Diagnostic {
	d.Severity = d.Code.Severity(c)
	return d
}
