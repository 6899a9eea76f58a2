package report

// ToolName is the name of this program in its reports.
const ToolName = "kintsugi"

// New returns a report in which nothing is found yet, by that version of
// kintsugi. Its lists are empty, never null in JSON.
func New(version string) *Report {
	return &Report{Schema: Schema, Tool: Tool{Name: ToolName, Version: version},
		Functions: []Function{}, Data: []Data{}, References: []Reference{}, Diagnostics: []Diagnostic{}}
}
