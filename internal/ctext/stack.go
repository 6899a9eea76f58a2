package ctext

import (
	"slices"
	"strings"
)

// OnStackOnly reports whether all objects of a type, such as "struct request", are local variables
// of functions. text is a whole C file, and must define the type. A pointer to the type may come
// from container_of() or from the address of a variable. It may be a parameter of a static function
// that gets only such pointers. Any other use makes the result false: sizeof, a cast, a member, a
// static variable, a function whose address is taken.
func OnStackOnly(text, typ string) bool {
	keyword, name, ok := strings.Cut(typ, " ")
	if !ok {
		return false // without a keyword, uses of a typedef cannot be found
	}
	u := typeUses{words: wordsOf(text), pointers: map[string]bool{}, scope: map[string]bool{}, takers: map[string]int{}}
	for i := range u.words {
		u.enter(i)
		switch {
		case u.at(i) == keyword && u.at(i+1) == name:
			if !u.allowed(i, i+2) {
				return false
			}
		case u.at(i) == name && u.at(i-1) != keyword:
			return false // an argument of KMEM_CACHE(), or another thing of this name
		case !u.called(i, keyword, name):
			return false
		}
	}
	return u.defined && !u.reassigned()
}

// wordsOf returns the words and signs of a text.
func wordsOf(text string) []string {
	var list []string
	for s := NewScanner(text); ; {
		t, ok := s.Next()
		if !ok {
			return list
		}
		if t.Kind != Newline {
			list = append(list, s.Text(t))
		}
	}
}

// typeUses checks how a text uses a type.
type typeUses struct {
	words    []string
	open     []string // open brackets: "body" of a function, "braces", or the word before a parenthesis
	defined  bool
	pointers map[string]bool // names of variables that point to the type
	scope    map[string]bool // pointers of the current function
	takers   map[string]int  // functions with such a parameter, and its index
}

func (u *typeUses) at(i int) string {
	if i < 0 || i >= len(u.words) {
		return ""
	}
	return u.words[i]
}

// enter updates the open brackets for word i.
func (u *typeUses) enter(i int) {
	switch u.words[i] {
	case "{":
		kind := "braces"
		if u.inBody() || len(u.open) == 0 && u.at(i-1) == ")" {
			kind = "body"
		}
		u.open = append(u.open, kind)
	case "(":
		if len(u.open) == 0 {
			u.scope = map[string]bool{}
		}
		u.open = append(u.open, "("+u.at(i-1))
	case "}", ")":
		u.open = u.open[:max(len(u.open)-1, 0)]
	}
}

func (u *typeUses) inBody() bool { return slices.Contains(u.open, "body") }

// allowed reports whether a use of the type is allowed. The type's words end before next.
func (u *typeUses) allowed(first, next int) bool {
	before, inside := u.at(first-1), ""
	if len(u.open) > 0 {
		inside = u.open[len(u.open)-1]
	}
	switch u.at(next) {
	case "{":
		u.defined = true
		return before != "static" && u.at(u.closing(next)+1) == ";"
	case ";":
		return true // a declaration without a body
	case ",":
		return inside == "(container_of"
	case "*":
		return u.pointer(first, next+1)
	}
	local := inside == "body" && before != "static" && before != "extern"
	return local && slices.Contains([]string{";", ",", "=", "["}, u.at(next+1))
}

// pointer reports whether a declaration of a pointer is allowed. Word i is its name.
func (u *typeUses) pointer(first, i int) bool {
	u.pointers[u.at(i)], u.scope[u.at(i)] = true, true
	if !u.inBody() {
		return u.parameter(first, i)
	}
	known := u.at(i+2) == "container_of" || u.at(i+2) == "&"
	return u.at(first-1) != "static" && u.at(i+1) == "=" && known
}

// parameter reports whether a declaration of a parameter is allowed, and records the function. Word
// i is its name. A function may have only one such parameter.
func (u *typeUses) parameter(first, i int) bool {
	if len(u.open) != 1 || u.open[0] == "braces" || u.at(i+1) != "," && u.at(i+1) != ")" {
		return false
	}
	open, before := first, 0
	for ; u.at(open) != "("; open-- {
		if u.at(open) == "," {
			before++
		}
	}
	name := u.at(open - 1)
	if at, known := u.takers[name]; known && at != before {
		return false
	}
	u.takers[name] = before
	start := open
	for start > 0 && u.at(start) != ";" && u.at(start) != "}" {
		start--
	}
	return slices.Contains(u.words[start:open], "static")
}

// called reports whether word i is a call or declaration of a recorded function, with such a
// pointer. It is true for names of other functions.
func (u *typeUses) called(i int, keyword, name string) bool {
	before, taker := u.takers[u.at(i)]
	if !taker {
		return true
	}
	if u.at(i+1) != "(" {
		return false
	}
	argument := u.argument(i+1, before)
	switch {
	case len(argument) == 0:
		return false
	case argument[0] == "&":
		return true
	case len(argument) == 1:
		return u.scope[argument[0]]
	}
	declared := slices.Contains(argument, keyword) && slices.Contains(argument, name)
	return !u.inBody() && declared
}

// argument returns the words of an argument of the call whose parenthesis is word open. It is the
// argument with before others in front of it.
func (u *typeUses) argument(open, before int) []string {
	depth, first := 0, open+1
	for i := open; i < len(u.words); i++ {
		word := u.words[i]
		switch {
		case word == "(" || word == "[" || word == "{":
			depth++
		case word == ")" || word == "]" || word == "}":
			depth--
		}
		if depth > 1 || depth == 1 && word != "," {
			continue
		}
		if before == 0 || depth == 0 {
			return u.words[first:i]
		}
		before, first = before-1, i+1
	}
	return nil
}

// closing returns the index of the brace that closes the brace at word i.
func (u *typeUses) closing(i int) int {
	for depth := 0; i < len(u.words); i++ {
		switch u.words[i] {
		case "{":
			depth++
		case "}":
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return i
}

// reassigned reports whether a pointer to the type gets another value after its declaration, or the
// size of its target is taken.
func (u *typeUses) reassigned() bool {
	for i, word := range u.words {
		if !u.pointers[word] {
			continue
		}
		before := u.at(i - 1)
		if before == "*" && u.at(i-2) == "(" && u.at(i-3) == "sizeof" {
			return true
		}
		declared := before == "*" || before == "." || before == ">"
		if !declared && u.at(i+1) == "=" && u.at(i+2) != "=" {
			return true
		}
	}
	return false
}
