package patchfile

import "strings"

// sourceLine is what a C lexer knows about one physical line.
type sourceLine struct {
	safe  bool // a directive may stand on a line of its own before this one
	code  bool // the line has tokens that are not part of a directive
	cond  cond
	first byte // the first byte of its code
	last  byte // the last byte of code before the line
}

// cond is a line's part in conditional compilation.
type cond byte

const (
	condNone  cond = iota
	condOpen       // #if, #ifdef, #ifndef
	condElse       // #else, #elif
	condClose      // #endif
)

type lexState byte

const (
	inCode lexState = iota
	inLineComment
	inBlockComment
	inString // also a character constant
	inRawString
)

// lexer reads C as translation phases 2 to 4 see it: it knows spliced lines,
// comments, literals, directives and the depth of parentheses, no tokens.
// Trigraphs are off, as the kernel's -std=gnu11 with -Wno-trigraphs has them.
type lexer struct {
	text  string
	lines []sourceLine

	state  lexState
	quote  byte   // that ends the literal
	raw    string // that ends the raw string
	escape bool   // the next byte of the literal is taken literally
	word   []byte // the identifier or number that is being read
	prev   byte   // the byte before, 0 where it can not be half of a token
	last   byte   // the last byte of code

	depth     int  // of parentheses
	begun     bool // the logical line has a token
	directive bool // inside a directive
	name      bool // its name is still to come
	foreign   bool // the text sets line numbers itself, or is beyond this lexer
	conds     []conditional
}

// conditional is an open #if: the depth of parentheses before it, and the
// greatest one that any of its branches so far ends with.
type conditional struct {
	at, end   int
	otherwise bool // it has an #else
}

// byteOrderMark is skipped by gcc at the start of a file, and only there.
const byteOrderMark = "\xef\xbb\xbf"

// lexC returns what is known of each line of text. It is not ok to add line
// directives to a text that has some of its own.
func lexC(text string) (lines []sourceLine, ok bool) {
	x := &lexer{text: text}
	x.newline(strings.HasPrefix(text, byteOrderMark))
	for i := len(text) - len(strings.TrimPrefix(text, byteOrderMark)); i < len(text); i++ {
		if n := splice(text[i:]); n > 0 && x.state != inRawString {
			i += n - 1
			x.newline(true)
			continue
		}
		x.next(text[i], i)
	}
	x.endWord()
	if text == "" || text[len(text)-1] == '\n' {
		x.lines = x.lines[:len(x.lines)-1]
	}
	x.splitInvocations()
	return x.lines, !x.foreign
}

// splice is the length of a backslash and newline at the start of s, 0 where
// there is none. gcc lets white space stand between the two.
func splice(s string) int {
	if s[0] != '\\' {
		return 0
	}
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\n':
			return i + 1
		case ' ', '\t', '\f', '\v', '\r', 0:
		default:
			return 0
		}
	}
	return 0
}

// newline begins a physical line, glued to what is before it or not.
func (x *lexer) newline(glued bool) {
	safe := !glued && x.state == inCode && x.depth == 0
	x.lines = append(x.lines, sourceLine{safe: safe, last: x.last})
}

// next takes one byte that is no part of a splice, at offset i.
func (x *lexer) next(c byte, i int) {
	if c == '\n' {
		x.endLine()
		return
	}
	switch x.state {
	case inCode:
		x.code(c, i)
	case inBlockComment:
		if c == '/' && x.prev == '*' {
			x.state, c = inCode, 0
		}
		x.prev = c
	case inString:
		switch {
		case x.escape:
			x.escape = false
		case c == '\\':
			x.escape = true
		case c == x.quote:
			x.state = inCode
		}
	case inRawString:
		if c == '"' && strings.HasSuffix(x.text[:i+1], x.raw) {
			x.state = inCode
		}
	}
}

// endLine ends whatever a newline ends: all but block comments and raw strings.
func (x *lexer) endLine() {
	x.endWord()
	switch x.state {
	case inLineComment, inString:
		x.state, x.escape = inCode, false
	}
	if x.state == inCode {
		x.begun, x.directive, x.name = false, false, false
	}
	x.prev = 0
	x.newline(false)
}

// code takes a byte outside of comments and literals.
func (x *lexer) code(c byte, i int) {
	switch {
	case isWord(c):
		x.word = append(x.word, c)
		x.significant(c)
		x.prev = 0
		return
	case c == '*' && x.prev == '/':
		x.state, x.prev = inBlockComment, 0
		return
	case c == '/' && x.prev == '/':
		x.state, x.prev = inLineComment, 0
		return
	}
	prefix := string(x.word)
	x.endWord()
	if x.prev == '/' {
		x.significant('/') // it did not begin a comment
	}
	x.prev = c
	switch c {
	case ' ', '\t', '\f', '\v', '\r', 0, '/':
	case '"', '\'':
		x.literal(c, prefix, i)
	case '#':
		x.hash(i)
	case '%':
		// The digraph %: is another way to write #.
		x.foreign = x.foreign || !x.begun && strings.HasPrefix(x.text[i:], "%:")
		x.punctuator(c, i)
	default:
		x.punctuator(c, i)
	}
}

func isWord(c byte) bool {
	return c == '_' || c == '$' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// significant notes that c is part of a token of the code.
func (x *lexer) significant(c byte) {
	x.begun = true
	if x.directive {
		return
	}
	line := &x.lines[len(x.lines)-1]
	if !line.code {
		line.code, line.first = true, c
	}
	x.last = c
}

func (x *lexer) punctuator(c byte, i int) {
	x.name = false
	x.significant(c)
	if x.directive {
		return
	}
	switch c {
	case '(':
		x.depth++
	case ')':
		x.depth = max(x.depth-1, 0)
	case '}':
		// What macros with unbalanced parentheses left open ends with the function.
		if i == 0 || x.text[i-1] == '\n' {
			x.depth = 0
		}
	}
}

// literal begins a string or character constant. In gcc's dialect of C a
// string may be raw: R"delimiter( ... )delimiter".
func (x *lexer) literal(c byte, prefix string, i int) {
	x.significant(c)
	x.name = false
	x.state, x.quote, x.prev = inString, c, 0
	switch prefix {
	case "R", "LR", "uR", "UR", "u8R":
		open := strings.IndexByte(x.text[i:], '(')
		if c == '"' && open > 0 && open <= 17 && !strings.ContainsAny(x.text[i+1:i+open], " )\\\t\n\v\f") {
			x.state, x.raw = inRawString, ")"+x.text[i+1:i+open]+"\""
		}
	}
}

// hash begins a directive when it is the first token of a logical line.
func (x *lexer) hash(i int) {
	if x.begun {
		x.punctuator('#', i)
		return
	}
	x.begun, x.directive, x.name = true, true, true
}

// endWord ends an identifier or number: the first of a directive is its name.
func (x *lexer) endWord() {
	if len(x.word) > 0 && x.name {
		x.name = false
		x.directiveName(string(x.word))
	}
	x.word = x.word[:0]
}

func (x *lexer) directiveName(name string) {
	line := &x.lines[len(x.lines)-1]
	switch name {
	case "if", "ifdef", "ifndef":
		line.cond = condOpen
		x.conds = append(x.conds, conditional{at: x.depth})
	case "elif", "else", "elifdef", "elifndef":
		line.cond = condElse
		x.branch(name == "else")
	case "endif":
		line.cond = condClose
		x.endif()
	case "line":
		x.foreign = true
	default:
		x.foreign = x.foreign || name[0] >= '0' && name[0] <= '9'
	}
}

// branch ends one branch of a conditional; the next begins where that began.
func (x *lexer) branch(otherwise bool) {
	if n := len(x.conds); n > 0 {
		c := &x.conds[n-1]
		c.end, c.otherwise = max(c.end, x.depth), c.otherwise || otherwise
		x.depth = c.at
	}
}

// endif goes on from the deepest branch: which one is compiled is not known.
func (x *lexer) endif() {
	if n := len(x.conds); n > 0 {
		c := x.conds[n-1]
		x.conds = x.conds[:n-1]
		x.depth = max(x.depth, c.end)
		if !c.otherwise {
			x.depth = max(x.depth, c.at)
		}
	}
}

// splitInvocations makes a line unsafe that may go on with the arguments of a
// macro named before: gcc takes a name followed by a directive for no
// invocation. Only a statement's start is certain to be none.
func (x *lexer) splitInvocations() {
	for i := range x.lines {
		line := &x.lines[i]
		if line.first == '(' && strings.IndexByte(";{}", line.last) < 0 {
			line.safe = false
		}
	}
}
