package ctext

import "strings"

// Line describes one physical line of C.
type Line struct {
	Safe bool // a directive may stand on a line of its own before this one
	Code bool // the line has tokens that are not part of a directive
	Cond Cond

	first byte // the first byte of its code
	last  byte // the last byte of code before the line
}

// Cond is a line's part in conditional compilation.
type Cond byte

const (
	CondNone  Cond = iota
	CondOpen       // #if, #ifdef, #ifndef
	CondElse       // #else, #elif
	CondClose      // #endif
)

// lineReader reads C as translation phase 4 sees it: it knows directives and
// the depth of parentheses.
type lineReader struct {
	text  string
	lines []Line
	at    int // the newlines before this offset have begun their lines

	last      byte // the last byte of code
	depth     int  // of parentheses
	directive bool // inside a directive
	name      bool // its name is still to come
	foreign   bool // the text sets line numbers itself, or is beyond this reader
	conds     []conditional
}

// conditional is an open #if: the depth of parentheses before it, and the
// greatest one that any of its branches so far ends with.
type conditional struct {
	at, end   int
	otherwise bool // it has an #else
}

// Lines describes each physical line of text. It is not ok to add line
// directives to a text that has some of its own.
func Lines(text string) (lines []Line, ok bool) {
	r := &lineReader{text: text}
	r.lines = append(r.lines, Line{Safe: !strings.HasPrefix(text, byteOrderMark)})
	scanner := NewScanner(text)
	for t, more := scanner.Next(); more; t, more = scanner.Next() {
		r.advance(t.Pos)
		r.token(scanner, t)
	}
	r.advance(len(text))
	if text == "" || text[len(text)-1] == '\n' {
		r.lines = r.lines[:len(r.lines)-1]
	}
	r.splitInvocations()
	return r.lines, !r.foreign
}

// advance begins a line for each newline before offset to: in a splice, a
// comment or a raw string, where no directive may stand.
func (r *lineReader) advance(to int) {
	for r.at < to {
		n := strings.IndexByte(r.text[r.at:to], '\n')
		if n < 0 {
			r.at = to
			return
		}
		r.at += n + 1
		r.lines = append(r.lines, Line{last: r.last})
	}
}

func (r *lineReader) token(scanner *Scanner, t Token) {
	switch t.Kind {
	case Newline:
		r.directive, r.name = false, false
		r.lines = append(r.lines, Line{Safe: r.depth == 0, last: r.last})
		r.at = t.End
	case Word:
		r.word(t)
		if r.name {
			r.name = false
			r.directiveName(scanner.Text(t))
		}
	case Literal:
		r.name = false
		r.significant(r.text[t.Pos])
	case Punct:
		r.punctuator(t)
	}
}

// word notes the pieces of a word, of which each spliced line has one.
func (r *lineReader) word(t Token) {
	for i := t.Pos; i < t.End; {
		n := splice(r.text[i:])
		if n == 0 {
			r.significant(r.text[i])
			i++
			continue
		}
		i += n
		r.advance(i)
	}
}

// significant notes that c is part of a token of the code.
func (r *lineReader) significant(c byte) {
	if r.directive {
		return
	}
	line := &r.lines[len(r.lines)-1]
	if !line.Code {
		line.Code, line.first = true, c
	}
	r.last = c
}

func (r *lineReader) punctuator(t Token) {
	c := r.text[t.Pos]
	if t.First {
		// The digraph %: is another way to write #.
		r.foreign = r.foreign || strings.HasPrefix(r.text[t.Pos:], "%:")
		if c == '#' {
			r.directive, r.name = true, true
			return
		}
	}
	r.name = false
	r.significant(c)
	if r.directive {
		return
	}
	switch c {
	case '(':
		r.depth++
	case ')':
		r.depth = max(r.depth-1, 0)
	case '}':
		// What macros with unbalanced parentheses left open ends with the function.
		if t.Pos == 0 || r.text[t.Pos-1] == '\n' {
			r.depth = 0
		}
	}
}

func (r *lineReader) directiveName(name string) {
	line := &r.lines[len(r.lines)-1]
	switch name {
	case "if", "ifdef", "ifndef":
		line.Cond = CondOpen
		r.conds = append(r.conds, conditional{at: r.depth})
	case "elif", "else", "elifdef", "elifndef":
		line.Cond = CondElse
		r.branch(name == "else")
	case "endif":
		line.Cond = CondClose
		r.endif()
	case "line":
		r.foreign = true
	default:
		r.foreign = r.foreign || name[0] >= '0' && name[0] <= '9'
	}
}

// branch ends one branch of a conditional; the next branch begins at the depth
// at which that one began.
func (r *lineReader) branch(otherwise bool) {
	if n := len(r.conds); n > 0 {
		c := &r.conds[n-1]
		c.end, c.otherwise = max(c.end, r.depth), c.otherwise || otherwise
		r.depth = c.at
	}
}

// endif continues at the depth of the deepest branch: which branch is compiled
// is unknown.
func (r *lineReader) endif() {
	if n := len(r.conds); n > 0 {
		c := r.conds[n-1]
		r.conds = r.conds[:n-1]
		r.depth = max(r.depth, c.end)
		if !c.otherwise {
			r.depth = max(r.depth, c.at)
		}
	}
}

// splitInvocations makes a line unsafe that may continue with the arguments of
// a macro named before: gcc does not take a name followed by a directive for
// an invocation. A "(" at the start of a statement is certainly no argument list.
func (r *lineReader) splitInvocations() {
	for i := range r.lines {
		line := &r.lines[i]
		if line.first == '(' && strings.IndexByte(";{}", line.last) < 0 {
			line.Safe = false
		}
	}
}
