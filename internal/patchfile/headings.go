package patchfile

import (
	"regexp"
	"strings"
)

// MayChangePrototypes reports whether the change touches what the type of a global
// function or variable can follow from: its definition without the body, a
// typedef, what is included, or what MayChangeTypes looks for. A definition in a
// header counts where it has a body or an initial value: other files have to follow
// a declaration there, or do not compile.
func (c *Change) MayChangePrototypes() bool {
	if c.Lines == nil || c.Original == nil {
		return false
	}
	source := strings.HasSuffix(c.Path, ".c")
	old, new := headings(string(c.Original), source), headings(string(c.Patched), source)
	for _, r := range c.Lines.regions {
		if anyOf(old, r.OldStart, r.OldLines) || anyOf(new, r.NewStart, r.NewLines) {
			return true
		}
	}
	return c.MayChangeTypes()
}

var (
	includeLine  = regexp.MustCompile(`^\s*#\s*include\b`)
	staticWord   = regexp.MustCompile(`\bstatic\b`)
	externStart  = regexp.MustCompile(`^\s*extern\b[^={]*;\s*$`)
	typedefStart = regexp.MustCompile(`^\s*typedef\b`)
)

// heading collects the lines of one definition up to its body.
type heading struct {
	marks  []bool
	source bool // of a C file
	lines  []int
	text   strings.Builder
}

// headings marks the lines of text that define something global, bodies and
// initial values left out, and those with #include. Like typeLines it goes by the
// kernel's coding style.
func headings(text string, source bool) []bool {
	lines := strings.Split(text, "\n")
	h := &heading{marks: make([]bool, len(lines)), source: source}
	var body, comment, spliced bool
	for i, line := range lines {
		trimmed := strings.TrimSpace(line)
		switch {
		case body:
			body = !strings.HasPrefix(line, "}")
		case comment || strings.HasPrefix(trimmed, "/*") && !strings.Contains(trimmed, "*/"):
			comment = !strings.Contains(trimmed, "*/")
		case spliced || strings.HasPrefix(trimmed, "#"):
			h.marks[i] = includeLine.MatchString(line)
			spliced = strings.HasSuffix(line, "\\")
		case trimmed == "" || strings.HasPrefix(trimmed, "/*") || strings.HasPrefix(trimmed, "//"):
			if trimmed == "" {
				h.end()
			}
		default:
			body = h.code(i, line)
		}
	}
	h.end()
	return h.marks
}

// code adds a line of code. It reports whether a body begins that goes on below.
func (h *heading) code(i int, line string) (body bool) {
	if strings.HasPrefix(line, "{") {
		h.text.WriteByte('{')
		h.end()
		return !strings.HasPrefix(line, "{}")
	}
	h.lines = append(h.lines, i)
	h.text.WriteString(line + "\n")
	_, behind, braced := strings.Cut(line, "{")
	if braced || strings.HasSuffix(strings.TrimSpace(line), ";") {
		h.end()
	}
	return braced && !strings.Contains(behind, "}")
}

// end ends the heading, and marks its lines if it defines something global or
// a type.
func (h *heading) end() {
	text := h.text.String()
	defines := h.source || strings.ContainsAny(text, "{=")
	if typedefStart.MatchString(text) || defines && !staticWord.MatchString(text) && !externStart.MatchString(text) {
		for _, i := range h.lines {
			h.marks[i] = true
		}
	}
	h.lines = nil
	h.text.Reset()
}
