package makefile

import (
	"errors"
	"fmt"
	"strings"
)

var errQuote = errors.New("unterminated quote")

// SplitShell splits a line of a POSIX shell into simple commands, and these into words without
// quotes. It supports what kbuild writes into a compile command: quotes, backslashes and ";".
// Anything that a shell would expand or interpret is an error, because the words alone would not
// replay it.
func SplitShell(line string) ([][]string, error) {
	s := scanner{rest: line}
	for s.rest != "" {
		if err := s.next(); err != nil {
			return nil, err
		}
	}
	s.endCommand()
	return s.commands, nil
}

// scanner is the state of SplitShell between two characters.
type scanner struct {
	rest     string
	word     strings.Builder
	inWord   bool
	command  []string
	commands [][]string
}

func (s *scanner) next() error {
	c := s.rest[0]
	s.rest = s.rest[1:]
	switch c {
	case ' ', '\t', '\n':
		s.endWord()
	case ';':
		s.endCommand()
	case '\'':
		return s.singleQuoted()
	case '"':
		return s.doubleQuoted()
	case '\\':
		return s.escaped()
	case '$', '`', '|', '&', '<', '>', '(', ')', '*', '?':
		return fmt.Errorf("shell character %q in a compile command", c)
	default:
		s.add(string(c))
	}
	return nil
}

func (s *scanner) add(text string) {
	s.word.WriteString(text)
	s.inWord = true
}

func (s *scanner) singleQuoted() error {
	text, rest, ok := strings.Cut(s.rest, "'")
	if !ok {
		return errQuote
	}
	s.add(text)
	s.rest = rest
	return nil
}

func (s *scanner) doubleQuoted() error {
	s.add("")
	for s.rest != "" {
		c := s.rest[0]
		s.rest = s.rest[1:]
		switch {
		case c == '"':
			return nil
		case c == '$' || c == '`':
			return fmt.Errorf("shell character %q in a compile command", c)
		case c == '\\' && s.rest != "" && strings.ContainsRune("$`\"\\", rune(s.rest[0])):
			c, s.rest = s.rest[0], s.rest[1:]
		}
		s.word.WriteByte(c)
	}
	return errQuote
}

func (s *scanner) escaped() error {
	if s.rest == "" {
		return errors.New("backslash at the end of a compile command")
	}
	s.add(s.rest[:1])
	s.rest = s.rest[1:]
	return nil
}

func (s *scanner) endWord() {
	if s.inWord {
		s.command = append(s.command, s.word.String())
	}
	s.word.Reset()
	s.inWord = false
}

func (s *scanner) endCommand() {
	s.endWord()
	if s.command != nil {
		s.commands = append(s.commands, s.command)
	}
	s.command = nil
}
