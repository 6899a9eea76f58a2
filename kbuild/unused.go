package kbuild

import (
	"bytes"
	"slices"
)

// unusedOnly reports whether two preprocessed texts differ in nothing but
// static inline functions that neither of them can reach: the compiler drops
// these before anything else, so both make the same code. What is not
// understood counts as a difference.
//
// Most units that have a header do not use the function that was changed in
// it, and compiling them is most of the work that it makes.
func unusedOnly(a, b []byte) bool {
	was, is := split(a), split(b)
	changed := differing(was, is)
	if len(changed) == 0 {
		return false // there is a difference, and it is elsewhere
	}
	return !reaches(was, changed) && !reaches(is, changed) && sameButFor(was, is, changed)
}

// item is a declaration or definition at the top of a file.
type item struct {
	text []byte
	name string // of a static inline function; empty: anything else
}

// differing returns the inline functions that are not the same in both texts.
func differing(a, b []item) map[string]bool {
	texts := map[string][][2][]byte{}
	for side, items := range [2][]item{a, b} {
		for _, it := range items {
			if it.name == "" {
				continue
			}
			var pair [2][]byte
			if list := texts[it.name]; len(list) > 0 {
				pair = list[0]
			}
			pair[side] = append(append(pair[side], it.text...), 0)
			texts[it.name] = [][2][]byte{pair}
		}
	}
	changed := map[string]bool{}
	for name, list := range texts {
		if !bytes.Equal(list[0][0], list[0][1]) {
			changed[name] = true
		}
	}
	return changed
}

// reaches reports whether anything that is compiled names one of the functions,
// directly or by way of other inline functions. Words in strings count: they
// may be assembly or the name of an alias.
func reaches(items []item, functions map[string]bool) bool {
	inline := map[string][]item{}
	var todo []item
	for _, it := range items {
		if it.name == "" {
			todo = append(todo, it)
		} else {
			inline[it.name] = append(inline[it.name], it)
		}
	}
	for len(todo) > 0 {
		it := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for word := range words(it.text) {
			if functions[string(word)] {
				return true
			}
			if called, ok := inline[string(word)]; ok {
				delete(inline, string(word))
				todo = append(todo, called...)
			}
		}
	}
	return false
}

// sameButFor reports whether all else is the same, in the same order.
func sameButFor(a, b []item, functions map[string]bool) bool {
	left := func(items []item) []item {
		return slices.DeleteFunc(slices.Clone(items), func(it item) bool { return functions[it.name] })
	}
	return slices.EqualFunc(left(a), left(b), func(x, y item) bool { return x.name == y.name && bytes.Equal(x.text, y.text) })
}

// words yields the identifiers and numbers of a text.
func words(text []byte) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
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

func isWord(c byte) bool {
	return c == '_' || c == '$' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// split takes preprocessed C apart at its top level. An item ends with a
// semicolon, or with the brace of a function's body; lines of the preprocessor
// (#pragma) are items of their own, and line markers are left out.
func split(text []byte) []item {
	var items []item
	var current []byte
	depth := 0
	function := false // a "(" has come before the "{" that is open
	head := 0         // length of the text before that "{"
	end := func() {
		if trimmed := bytes.TrimSpace(current); len(trimmed) > 0 {
			it := item{text: trimmed}
			switch {
			case function:
				it.name = inlineName(current[:head])
			case !bytes.ContainsAny(trimmed, "{="):
				it.name = inlineName(trimmed)
			}
			items = append(items, it)
		}
		current, depth, function, head = nil, 0, false, 0
	}
	for line := range bytes.Lines(text) {
		if isMarker(line) {
			continue
		}
		if line[0] == '#' && depth == 0 {
			end()
			items = append(items, item{text: line})
			continue
		}
		for i := 0; i < len(line); i++ {
			c := line[i]
			current = append(current, c)
			switch c {
			case '"', '\'':
				n := literal(line[i:])
				current = append(current, line[i+1:i+n]...)
				i += n - 1
			case '{', '(', '[':
				if c == '{' && depth == 0 && !function {
					before := bytes.TrimSpace(current[:len(current)-1])
					function = bytes.HasSuffix(before, []byte(")")) && !bytes.ContainsRune(before, '=')
					head = len(current) - 1
				}
				depth++
			case '}', ')', ']':
				if depth--; depth < 0 || depth == 0 && c == '}' && function {
					end()
				}
			case ';':
				if depth == 0 {
					end()
				}
			}
		}
	}
	end()
	return items
}

// literal is the length of the string or character that text begins with.
func literal(text []byte) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case text[0]:
			return i + 1
		}
	}
	return len(text)
}

// keeping are the attributes by which gcc keeps a function that nothing calls.
var keeping = []string{"used", "constructor", "destructor", "retain", "alias", "ifunc"}

// inlineName is the name of the function that head begins, if that is static
// and inline and may be dropped; head is all before its body.
func inlineName(head []byte) string {
	static, inline := false, false
	for word := range words(head) {
		switch w := string(bytes.Trim(word, "_")); {
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
	return declared(head)
}

// declared is the name before the first parenthesis that is not an attribute's
// or typeof's.
func declared(head []byte) string {
	last := ""
	for i := 0; i < len(head); {
		switch c := head[i]; {
		case isWord(c):
			start := i
			for i < len(head) && isWord(head[i]) {
				i++
			}
			last = string(head[start:i])
		case c == '(':
			switch string(bytes.Trim([]byte(last), "_")) {
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

// parenthesised is the length of the parentheses that text begins with.
func parenthesised(text []byte) int {
	depth := 0
	for i, c := range text {
		switch c {
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
