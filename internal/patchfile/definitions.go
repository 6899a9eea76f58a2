package patchfile

import (
	"regexp"
	"slices"
	"strings"
)

// MayChangePrototypes reports whether the change takes away or rewrites what the
// type of a global function or variable follows from: its definition without the
// body, a typedef, an #include, or what MayChangeTypes looks for. A definition in a
// header counts if it has a body or an initial value: where a declaration in a header
// changes, the definition changes too, or the compiler refuses it.
func (c *Change) MayChangePrototypes() bool {
	if c.Lines == nil || c.Original == nil {
		return false
	}
	source := strings.HasSuffix(c.Path, ".c")
	kept := map[string]bool{}
	for _, d := range definitions(string(c.Patched), source) {
		kept[d] = true
	}
	lost := func(d string) bool { return !kept[d] }
	return slices.ContainsFunc(definitions(string(c.Original), source), lost) || c.MayChangeTypes()
}

var (
	includeLine  = regexp.MustCompile(`^\s*#\s*include\b`)
	staticWord   = regexp.MustCompile(`\bstatic\b`)
	externStart  = regexp.MustCompile(`^extern\b[^={]*;$`)
	typedefStart = regexp.MustCompile(`^typedef\b`)
)

// definer collects what a file defines.
type definer struct {
	source bool     // a C file
	text   []string // the words of the definition so far
	found  []string
}

// definitions are the global definitions of a text and its typedefs, without bodies
// and initial values, and each #include. Like typeLines it goes by the kernel's
// coding style.
func definitions(text string, source bool) []string {
	d := &definer{source: source}
	var body, comment, spliced bool
	for line := range strings.Lines(text) {
		trimmed := strings.TrimSpace(line)
		switch {
		case body:
			body = !strings.HasPrefix(line, "}")
		case comment || strings.HasPrefix(trimmed, "/*") && !strings.Contains(trimmed, "*/"):
			comment = !strings.Contains(trimmed, "*/")
		case spliced || strings.HasPrefix(trimmed, "#"):
			if includeLine.MatchString(line) {
				d.found = append(d.found, trimmed)
			}
			spliced = strings.HasSuffix(trimmed, "\\")
		case trimmed == "":
			d.end()
		case strings.HasPrefix(trimmed, "/*") || strings.HasPrefix(trimmed, "//"):
		default:
			body = d.code(line)
		}
	}
	d.end()
	return d.found
}

// code adds a line of code. It reports whether a body begins that continues below.
func (d *definer) code(line string) (body bool) {
	head, behind, braced := strings.Cut(line, "{")
	d.text = append(d.text, strings.Fields(head)...)
	if braced {
		d.text = append(d.text, "{")
	}
	if braced || strings.HasSuffix(strings.TrimSpace(line), ";") {
		d.end()
	}
	return braced && !strings.Contains(behind, "}")
}

// end ends the definition, and keeps it if it is global or defines a type.
func (d *definer) end() {
	text := strings.Join(d.text, " ")
	d.text = nil
	defines := d.source || strings.ContainsAny(text, "{=")
	if text != "" && (typedefStart.MatchString(text) ||
		defines && !staticWord.MatchString(text) && !externStart.MatchString(text)) {
		d.found = append(d.found, text)
	}
}
