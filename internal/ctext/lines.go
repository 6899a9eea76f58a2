package ctext

import "strings"

// Line describes one physical line of C.
type Line struct {
	Safe bool // a directive may be inserted on its own line before this line
	Code bool // the line has tokens outside directives
	Cond Cond

	first byte // first byte of code in the line
	last  byte // last byte of code before the line
}

// Cond is the role of a line in conditional compilation.
type Cond byte

const (
	CondNone  Cond = iota
	CondOpen       // #if, #ifdef, #ifndef
	CondElse       // #else, #elif
	CondClose      // #endif
)

// lineReader reads C as in translation phase 4. It tracks directives and the depth of parentheses.
type lineReader struct {
	text  string
	lines []Line
	at    int // lines are recorded up to this offset

	last      byte // last byte of code
	depth     int  // of parentheses
	directive bool // inside a directive
	name      bool // the directive's name has not been read yet
	foreign   bool // the text sets line numbers itself, or cannot be read here
	conds     []conditional
}

// conditional is an open #if. It has the depth of parentheses before the #if, and the greatest
// depth at the end of its branches so far.
type conditional struct {
	at, end   int
	otherwise bool // it has an #else
}

// Lines describes each physical line of text. ok is false if the text has line directives of its
// own, so that no more may be added.
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

// advance records a line for each newline before offset to. These newlines are in a splice, a
// comment or a raw string, where no directive may be inserted.
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

// word records the pieces of a word. Each spliced line has one.
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

// significant records that c is part of a token of the code.
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
		// A function's end closes the parentheses that macros left open.
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

// branch ends a branch of a conditional. The next branch begins at the same depth as this branch.
func (r *lineReader) branch(otherwise bool) {
	if n := len(r.conds); n > 0 {
		c := &r.conds[n-1]
		c.end, c.otherwise = max(c.end, r.depth), c.otherwise || otherwise
		r.depth = c.at
	}
}

// endif continues at the depth of the deepest branch, because it is unknown which branch is
// compiled.
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

// splitInvocations makes a line unsafe if it may continue with the arguments of a macro named
// before: gcc does not treat a name followed by a directive as an invocation. A "(" at the start of
// a statement is certainly no argument list.
func (r *lineReader) splitInvocations() {
	for i := range r.lines {
		line := &r.lines[i]
		if line.first == '(' && strings.IndexByte(";{}", line.last) < 0 {
			line.Safe = false
		}
	}
}
