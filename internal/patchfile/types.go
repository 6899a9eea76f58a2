package patchfile

import (
	"regexp"
	"strings"
)

// MayChangeTypes reports whether the change touches text that can affect the size or
// the members of a type: the body of a struct, union or enum, a typedef, a macro, or a
// conditional. It relies on the kernel's coding style, in which the body of a function
// begins and ends in the first column.
func (c *Change) MayChangeTypes() bool {
	if c.Lines == nil || c.Original == nil {
		return false
	}
	old, new := typeLines(string(c.Original)), typeLines(string(c.Patched))
	for _, r := range c.Lines.regions {
		if anyOf(old, r.OldStart, r.OldLines) || anyOf(new, r.NewStart, r.NewLines) {
			return true
		}
	}
	return false
}

// anyOf reports whether one of n lines from start, which counts from 1, is set.
func anyOf(lines []bool, start, n int) bool {
	for i := max(start-1, 0); i < min(start-1+n, len(lines)); i++ {
		if lines[i] {
			return true
		}
	}
	return false
}

var (
	typeStart     = regexp.MustCompile(`^\s*(typedef\b|(static |const |extern )*(struct|union|enum)\b)`)
	directiveLine = regexp.MustCompile(`^\s*#\s*(define|undef|if|ifdef|ifndef|elif|else|endif)\b`)
	notType       = regexp.MustCompile(`[=;]|\)\s*$`) // before the brace: a variable, a function
)

// typeLines reports for each line of text whether it can affect a type.
func typeLines(text string) []bool {
	lines := strings.Split(text, "\n")
	types := make([]bool, len(lines))
	var function, spliced, pending bool // pending: the line before can begin a type
	open := 0                           // braces of a type
	for i, line := range lines {
		head, body, braced := strings.Cut(line, "{")
		begins := typeStart.MatchString(line) && !notType.MatchString(head)
		switch {
		case function:
			function = !strings.HasPrefix(line, "}")
		case open > 0 || begins && braced || pending && strings.HasPrefix(line, "{"):
			types[i] = true
			open += strings.Count(line, "{") - strings.Count(line, "}")
		case spliced || directiveLine.MatchString(line):
			types[i], spliced = true, strings.HasSuffix(line, "\\")
		case strings.HasPrefix(line, "{"):
			function = !strings.HasPrefix(body, "}")
		default:
			types[i] = strings.HasPrefix(line, "typedef")
		}
		pending = begins && !braced
	}
	return types
}
