package ctext

import (
	"bytes"
	"slices"
	"strings"
)

// declaration is a declaration, definition or directive at the top level of preprocessed C.
type declaration struct {
	text   string
	inline string // name of a static inline function that the compiler may drop; else empty
}

// Words yields the identifiers and numbers of a text, including those in strings.
func Words(text string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for i := 0; i < len(text); {
			if !isWord(text[i]) {
				i++
				continue
			}
			start := i
			for i < len(text) && isWord(text[i]) {
				i++
			}
			if !yield(text[start:i]) {
				return
			}
		}
	}
}

// IsMarker reports whether a line of preprocessed text is a line marker (`# 12 "file" 1`) or blank.
// Blank lines do not count, because they depend on what the preprocessor removed.
func IsMarker(line []byte) bool {
	if len(line) > 2 && line[0] == '#' && line[1] == ' ' && line[2] >= '0' && line[2] <= '9' {
		return true
	}
	return len(bytes.TrimSpace(line)) == 0
}

func withoutMarkers(text []byte) string {
	var kept strings.Builder
	kept.Grow(len(text))
	for line := range bytes.Lines(text) {
		if !IsMarker(line) {
			kept.Write(line)
		}
	}
	return kept.String()
}

// splitter cuts preprocessed C at its top level.
type splitter struct {
	text  string
	found []declaration

	start    int  // offset of the current declaration
	depth    int  // nesting of braces, parentheses and brackets
	function bool // the open "{" follows a ")"
	head     int  // offset of that "{"
}

// declarations splits preprocessed C without line markers. A declaration ends
// with a semicolon, or with the brace of a function's body; directives
// (#pragma) outside all braces are declarations of their own.
func declarations(text string) []declaration {
	s := &splitter{text: text}
	scanner := NewScanner(text)
	for t, ok := scanner.Next(); ok; t, ok = scanner.Next() {
		if t.Kind != Punct {
			continue
		}
		if t.First && text[t.Pos] == '#' && s.depth == 0 {
			s.end(t.Pos)
			s.directive(scanner, t)
			continue
		}
		s.punctuator(t)
	}
	s.end(len(text))
	return s.found
}

func (s *splitter) directive(scanner *Scanner, hash Token) {
	end := hash.End
	for t, ok := scanner.Next(); ok && t.Kind != Newline; t, ok = scanner.Next() {
		end = t.End
	}
	s.found = append(s.found, declaration{text: s.text[hash.Pos:end]})
	s.start = end
}

func (s *splitter) punctuator(t Token) {
	switch c := s.text[t.Pos]; c {
	case '{', '(', '[':
		if c == '{' && s.depth == 0 && !s.function {
			before := strings.TrimSpace(s.text[s.start:t.Pos])
			s.function = strings.HasSuffix(before, ")") && !strings.Contains(before, "=")
			s.head = t.Pos
		}
		s.depth++
	case '}', ')', ']':
		if s.depth--; s.depth < 0 || s.depth == 0 && c == '}' && s.function {
			s.end(t.End)
		}
	case ';':
		if s.depth == 0 {
			s.end(t.End)
		}
	}
}

// end ends the current declaration at an offset.
func (s *splitter) end(at int) {
	if text := strings.TrimSpace(s.text[s.start:at]); text != "" {
		d := declaration{text: text}
		switch {
		case s.function:
			d.inline = inlineName(s.text[s.start:s.head])
		case !strings.ContainsAny(text, "{="):
			d.inline = inlineName(text)
		}
		s.found = append(s.found, d)
	}
	s.start, s.depth, s.function = at, 0, false
}

// keeping are the attributes that make gcc keep a function that nothing calls.
var keeping = []string{"used", "constructor", "destructor", "retain", "alias", "ifunc"}

// inlineName returns the name of the function that head declares, if the function is static and
// inline and may be dropped. head is the text before the body.
func inlineName(head string) string {
	static, inline := false, false
	for word := range Words(head) {
		switch w := strings.Trim(word, "_"); {
		case w == "static":
			static = true
		case w == "inline":
			inline = true
		case slices.Contains(keeping, w):
			return ""
		}
	}
	if !static || !inline {
		return ""
	}
	return declaredName(head)
}

// declaredName returns the name before the first parenthesis that does not belong to an attribute
// or to typeof.
func declaredName(head string) string {
	last := ""
	for i := 0; i < len(head); {
		switch c := head[i]; {
		case isWord(c):
			start := i
			for i < len(head) && isWord(head[i]) {
				i++
			}
			last = head[start:i]
		case c == '(':
			switch strings.Trim(last, "_") {
			case "attribute", "typeof", "declspec", "alignas", "Alignas", "asm":
				i += parenthesised(head[i:])
			default:
				return last
			}
		default:
			i++
		}
	}
	return ""
}

// parenthesised returns the length of the parenthesised text at the start of text.
func parenthesised(text string) int {
	depth := 0
	for i := range len(text) {
		switch text[i] {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(text)
}
