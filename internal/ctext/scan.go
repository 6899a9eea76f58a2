// Package ctext reads C as text, without a compiler: its tokens, the contents of each physical
// line, and the declarations of a preprocessed file.
package ctext

import "strings"

// Kind is the kind of a token.
type Kind byte

const (
	Word    Kind = iota // an identifier or a number, or a part of one such as 1.5
	Literal             // a string or a character constant, without its prefix
	Punct               // any other byte
	Newline             // the end of a logical line
)

// Token is a piece of the text. A word or literal may have spliced lines inside.
type Token struct {
	Kind     Kind
	Pos, End int  // offsets in the text
	First    bool // no token of the same logical line precedes it
}

// Scanner splits C into tokens as in translation phases 2 and 3: it joins spliced lines and skips
// comments. Trigraphs are off, as in the kernel (-std=gnu11 -Wno-trigraphs).
type Scanner struct {
	text  string
	pos   int
	begun bool // a token of the logical line was read
	raw   int  // offset after a raw string's prefix: a string here would be raw
}

// byteOrderMark is skipped by gcc only at the start of a file.
const byteOrderMark = "\xef\xbb\xbf"

// NewScanner returns a scanner at the start of text.
func NewScanner(text string) *Scanner {
	return &Scanner{text: text, pos: len(text) - len(strings.TrimPrefix(text, byteOrderMark)), raw: -1}
}

// Next returns the next token, and false at the end of the text.
func (s *Scanner) Next() (Token, bool) {
	s.skipBlank()
	if s.pos >= len(s.text) {
		return Token{}, false
	}
	t := Token{Pos: s.pos, First: !s.begun}
	s.begun = true
	switch c := s.text[s.pos]; {
	case c == '\n':
		t.Kind, s.begun = Newline, false
		s.pos++
	case isWord(c):
		t.Kind = Word
		s.word()
	case c == '"' || c == '\'':
		t.Kind = Literal
		s.literal(c)
	default:
		t.Kind = Punct
		s.pos++
	}
	t.End = s.pos
	return t, true
}

// Text returns a token as the compiler reads it, without splices.
func (s *Scanner) Text(t Token) string {
	text := s.text[t.Pos:t.End]
	if t.Kind != Word || strings.IndexByte(text, '\\') < 0 {
		return text
	}
	var joined strings.Builder
	for i := 0; i < len(text); i++ {
		if n := splice(text[i:]); n > 0 {
			i += n - 1
			continue
		}
		joined.WriteByte(text[i])
	}
	return joined.String()
}

// skipBlank advances to the next byte of a token. It skips white space, splices and comments.
func (s *Scanner) skipBlank() {
	for s.pos < len(s.text) {
		switch s.text[s.pos] {
		case ' ', '\t', '\f', '\v', '\r', 0:
			s.pos++
		case '\\':
			n := splice(s.text[s.pos:])
			if n == 0 {
				return
			}
			s.splice(n)
		case '/':
			if !s.comment() {
				return
			}
		default:
			return
		}
	}
}

// splice advances by n, the length of a splice. If a raw string's prefix ends before the splice, it
// also ends after the splice.
func (s *Scanner) splice(n int) {
	if s.raw == s.pos {
		s.raw += n
	}
	s.pos += n
}

// comment skips the comment that begins here, if there is one.
func (s *Scanner) comment() bool {
	second := joined(s.text, s.pos+1)
	if second >= len(s.text) {
		return false
	}
	switch s.text[second] {
	case '/':
		s.pos = lineEnd(s.text, second+1)
	case '*':
		s.pos = commentEnd(s.text, second+1)
	default:
		return false
	}
	return true
}

// lineEnd returns the offset of the newline that ends the logical line.
func lineEnd(text string, i int) int {
	for i < len(text) && text[i] != '\n' {
		i += max(1, splice(text[i:]))
	}
	return i
}

// commentEnd returns the offset after a block comment.
func commentEnd(text string, i int) int {
	for i < len(text) {
		star := strings.IndexByte(text[i:], '*')
		if star < 0 {
			break
		}
		i = joined(text, i+star+1)
		if i < len(text) && text[i] == '/' {
			return i + 1
		}
	}
	return len(text)
}

// joined returns the offset after the splices at i, or i if there is none.
func joined(text string, i int) int {
	for i < len(text) {
		n := splice(text[i:])
		if n == 0 {
			break
		}
		i += n
	}
	return i
}

// splice returns the length of a backslash and newline at the start of s, or 0. gcc allows white
// space between the two.
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

func isWord(c byte) bool {
	return c == '_' || c == '$' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

func (s *Scanner) word() {
	start := s.pos
	for end := s.pos; end < len(s.text) && isWord(s.text[end]); end = joined(s.text, s.pos) {
		s.pos = end + 1
	}
	switch s.Text(Token{Kind: Word, Pos: start, End: s.pos}) {
	case "R", "LR", "uR", "UR", "u8R":
		s.raw = s.pos
	}
}

// literal skips a string or character constant. It ends with its line at the latest. In gcc's
// dialect of C, a string may be raw: R"delimiter( ... )delimiter".
func (s *Scanner) literal(quote byte) {
	if s.raw == s.pos && quote == '"' && s.rawString() {
		return
	}
	for s.pos++; s.pos < len(s.text) && s.text[s.pos] != '\n'; {
		if n := splice(s.text[s.pos:]); n > 0 {
			s.pos += n
			continue
		}
		c := s.text[s.pos]
		s.pos++
		if c == quote {
			return
		}
		if c == '\\' {
			s.pos = joined(s.text, s.pos)
			if s.pos < len(s.text) && s.text[s.pos] != '\n' {
				s.pos++
			}
		}
	}
}

// longestDelimiter is the longest delimiter of a raw string in bytes, including its quote.
const longestDelimiter = 17

func (s *Scanner) rawString() bool {
	rest := s.text[s.pos:]
	open := strings.IndexByte(rest, '(')
	if open <= 0 || open > longestDelimiter || strings.ContainsAny(rest[1:open], " )\\\t\n\v\f") {
		return false
	}
	end := ")" + rest[1:open] + `"`
	n := strings.Index(rest[open:], end)
	if n < 0 {
		s.pos = len(s.text)
		return true
	}
	s.pos += open + n + len(end)
	return true
}
