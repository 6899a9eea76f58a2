package diag

import (
	"fmt"
	"strings"
)

// Markdown returns docs/diagnostics.md.
func Markdown() string {
	var b strings.Builder
	b.WriteString(intro)
	for _, g := range Groups {
		fmt.Fprintf(&b, "\n## %s\n", g.Title)
		for i := range g.Rows {
			g.Rows[i].write(&b)
		}
	}
	return b.String()
}

func (r *Row) write(b *strings.Builder) {
	fmt.Fprintf(b, "\n### `%s`\n\n%s\n%s", r.Code, wrapped("*"+r.Title+".*", ""), wrapped(r.Severity.bold()+r.Meaning, ""))
	for _, also := range r.Also {
		b.WriteString("\n" + wrapped(also.Severity.bold()+also.When, ""))
	}
	if r.Example != "" {
		b.WriteString("\n" + wrapped(r.Example, "    "))
	}
	if r.Advice != "" {
		b.WriteString("\n" + wrapped("**What to do.** "+r.Advice, ""))
	}
}

// bold is the severity in bold, for the start of a paragraph.
func (s Severity) bold() string {
	return "**" + strings.ToUpper(string(s[:1])) + string(s[1:]) + ".** "
}

const width = 80

// wrapped breaks s into lines that begin with indent. A line of s that begins
// with spaces or a list's mark keeps its indentation.
func wrapped(s, indent string) string {
	var b strings.Builder
	for line := range strings.SplitSeq(s, "\n") {
		text := strings.TrimLeft(line, " ")
		first := indent + line[:len(line)-len(text)]
		rest := first
		if strings.HasPrefix(text, "* ") || strings.HasPrefix(text, "hint: ") {
			rest += "  "
		}
		b.WriteString(wrapLine(text, first, rest))
	}
	return b.String()
}

func wrapLine(text, first, rest string) string {
	var b strings.Builder
	line := first
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
			line += word
		case len(line)+1+len(word) > width:
			b.WriteString(line + "\n")
			line = rest + word
		default:
			line += " " + word
		}
	}
	return b.String() + strings.TrimRight(line, " ") + "\n"
}

const intro = "# Diagnostics\n" + `
<!-- Printed from the table in internal/diag: go generate ./internal/diag -->

Each finding of kintsugi has a stable code. The text has the code in brackets
(` + "`error[data-changed]: …`" + `), ` + "`report.json`" + ` in the field ` + "`code`" + `. The severity decides
what a finding means: an ` + "`error`" + ` refuses the patch, a ` + "`warning`" + ` should be read, and
a ` + "`note`" + ` lists a change that was left out or done differently. Each code has one
usual severity. Its section lists the cases with another severity.

A ` + "`consent`" + ` refuses like an error until somebody accepts it: kintsugi can build the
module, but only the patch's author knows whether it is right. ` + "`--accept CODE:SYMBOL`" + `
of ` + "`build`, `check` and `diff`" + ` accepts the finding, or a line of the patch's
description:

    Livepatch-Accept: CODE SYMBOL

Without a symbol, all findings of the code are accepted. The report lists each
accepted finding. The module has them in its tags ` + "`accepted`" + `, which ` + "`kintsugi inspect`" + `
shows. A consent that no finding asks for gives a warning.

| verdict | exit code | meaning |
| --- | --- | --- |
| ` + "`ok`" + ` | 0 | the module is built, or can be |
| ` + "`fixed`" + ` | 0 | the kernel has all of the change already; there is no module |
| ` + "`refused`" + ` | 1 | the patch cannot be a livepatch; errors and missing consents give the reasons |
| ` + "`nothing`" + ` | 1 | the patch changes nothing that this kernel runs |
| ` + "`failed`" + ` | 1, 2, 3 or 4 | ` +
	`the test in the VM failed (1), bad input (2), the environment (3), a bug of kintsugi (4) |

[The guide for authors](patch-author-guide.md) shows topic by topic how to rewrite a
patch that is refused.
`
