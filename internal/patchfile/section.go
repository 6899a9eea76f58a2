package patchfile

import (
	"regexp"
	"strconv"
	"strings"

	"kintsugi/internal/fault"
)

// section is the text of a patch about one file: header and hunks only.
type section struct {
	line int // of the patch, from 1
	text string
}

// splitter reads a patch line by line and cuts it into sections. The library that
// parses sections skips unknown text; the splitter refuses everything that looks like
// a lost change.
type splitter struct {
	lines    []string
	at       int // the next line, from 0
	start    int // where the open section begins, -1 for none
	end      int // where it ends so far
	git      bool
	hunks    int // in the open section
	sections []section
}

// byteOrderMark is put before the first line of a file by some editors. A
// concatenation of files has it inside.
const byteOrderMark = "\ufeff"

func split(text string) ([]section, error) {
	s := &splitter{lines: splitLines(text), start: -1}
	for s.at < len(s.lines) {
		if err := s.step(); err != nil {
			return nil, err
		}
	}
	s.close()
	return s.sections, nil
}

// step consumes a line, a hunk, or both lines of a plain header. It removes byte order
// marks and carriage returns, except from the text of a file.
func (s *splitter) step() error {
	converted := strings.HasSuffix(s.lines[s.at], "\r\n")
	line := withoutCR(strings.TrimPrefix(s.lines[s.at], byteOrderMark))
	s.lines[s.at] = line
	switch {
	case strings.HasPrefix(line, "diff --git "):
		s.open(true)
		s.take(1)
	case strings.HasPrefix(line, "--- ") && strings.HasPrefix(s.peek(1), "+++ "):
		return s.names()
	case hunkHeader.MatchString(line), s.start >= 0 && strings.HasPrefix(line, "@@ "):
		return s.hunk(converted)
	case isMailEdge(line):
		s.close()
		s.at++
	case s.git && s.hunks == 0 && isGitHeader(line):
		s.take(1)
	default:
		s.git = s.git && s.hunks > 0 // the header is over
		if err := s.foreign(line); err != nil {
			return err
		}
		s.at++
	}
	return nil
}

func (s *splitter) peek(n int) string {
	if s.at+n >= 0 && s.at+n < len(s.lines) {
		return s.lines[s.at+n]
	}
	return ""
}

func (s *splitter) open(git bool) {
	s.close()
	s.start, s.git, s.hunks = s.at, git, 0
}

// take makes the next n lines part of the open section.
func (s *splitter) take(n int) {
	s.at += n
	s.end = s.at
}

func (s *splitter) close() {
	if s.start >= 0 {
		s.sections = append(s.sections, section{s.start + 1, strings.Join(s.lines[s.start:s.end], "")})
	}
	s.start = -1
}

// names consumes the lines "--- old" and "+++ new".
func (s *splitter) names() error {
	for _, line := range []string{s.peek(0), s.peek(1)} {
		if name := line[len("--- "):]; strings.HasPrefix(name, "/") && !isDevNull(name) {
			return s.errorf(0, "absolute path %q", trimName(name))
		}
	}
	s.lines[s.at+1] = withoutCR(s.peek(1))
	if !strings.HasPrefix(s.peek(2), "@@ ") {
		return s.errorf(2, "no hunk after the header of %s", trimName(s.peek(1)[len("+++ "):]))
	}
	if !s.git || s.hunks > 0 || s.start < 0 {
		s.open(false)
	}
	s.take(2)
	return nil
}

// isMailEdge reports whether a diff ends here and a commit message may follow. A
// commit message can have any text: semantic patches have lines with @@.
func isMailEdge(line string) bool {
	return line == "-- \n" || strings.HasPrefix(line, "From ") || strings.HasPrefix(line, "commit ")
}

func isDevNull(name string) bool { return trimName(name) == "/dev/null" }

// trimName cuts the time stamp from a name in a diff header.
func trimName(name string) string {
	name, _, _ = strings.Cut(strings.TrimRight(name, "\n"), "\t")
	return strings.TrimSpace(name)
}

var hunkHeader = regexp.MustCompile(`^@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@`)

// hunk consumes a hunk header and exactly the lines that it announces. If every line
// of a hunk, its header included, ends in CRLF, the carriage returns were added in
// transport and are removed. In any other hunk a carriage return is part of the text.
func (s *splitter) hunk(converted bool) error {
	header := s.lines[s.at]
	m := hunkHeader.FindStringSubmatch(header)
	switch {
	case m == nil:
		return s.errorf(0, "garbage in place of a hunk header: %s", quote(header))
	case s.start < 0:
		return s.errorf(0, "hunk without a file header: %s", m[0])
	}
	begin := s.at
	old, new := count(m[2]), count(m[4])
	if converted {
		s.convert(old, new)
	}
	s.take(1)
	for old > 0 || new > 0 {
		switch op := opOf(s.peek(0)); op {
		case Context:
			old--
			new--
		case Remove:
			old--
		case Add:
			new--
		case noNewline:
		default:
			return s.miscounted(begin, m[0])
		}
		if old < 0 || new < 0 || s.atNames() {
			return s.miscounted(begin, m[0])
		}
		s.take(1)
	}
	s.hunks++
	return s.hunkEnd(begin, m[0])
}

// convert removes carriage returns from the lines of the hunk at the current line if
// all of them have one.
func (s *splitter) convert(old, new int) {
	end := s.at + 1
	for ; (old > 0 || new > 0) && end < len(s.lines); end++ {
		if !strings.HasSuffix(s.lines[end], "\r\n") {
			return
		}
		switch opOf(withoutCR(s.lines[end])) {
		case Context:
			old--
			new--
		case Remove:
			old--
		case Add:
			new--
		}
	}
	if end < len(s.lines) && opOf(s.lines[end]) == noNewline {
		end++
	}
	for i := s.at + 1; i < end; i++ {
		s.lines[i] = withoutCR(s.lines[i])
	}
}

// withoutCR is line with its end as Unix has it.
func withoutCR(line string) string {
	if text, found := strings.CutSuffix(line, "\r\n"); found {
		return text + "\n"
	}
	return line
}

// atNames reports whether the next lines are a file's header and no part of a hunk.
func (s *splitter) atNames() bool {
	return strings.HasPrefix(s.peek(0), "--- ") && strings.HasPrefix(s.peek(1), "+++ ") &&
		hunkHeader.MatchString(s.peek(2))
}

// count is the optional length in a hunk header.
func count(digits string) int {
	if digits == "" {
		return 1
	}
	n, _ := strconv.Atoi(digits) // at most nine digits
	return n
}

// noNewline is the operation of "\ No newline at end of file".
const noNewline Op = '\\'

// opOf is the operation of a hunk's line, 0 if it is none. Mailers strip
// the blank of an empty context line.
func opOf(line string) Op {
	switch {
	case line == "":
		return 0
	case line == "\n":
		return Context
	}
	switch op := Op(line[0]); op {
	case Context, Remove, Add, noNewline:
		return op
	}
	return 0
}

// hunkEnd refuses a hunk that continues after the lines that its header counts: a change
// in further lines would be lost.
func (s *splitter) hunkEnd(begin int, header string) error {
	if opOf(s.peek(0)) == noNewline {
		s.take(1)
	}
	next := s.at
	for next < len(s.lines) && strings.TrimSpace(s.lines[next]) == "" {
		next++
	}
	if next == len(s.lines) {
		return nil
	}
	line, after := withoutCR(s.lines[next]), ""
	if next+1 < len(s.lines) {
		after = s.lines[next+1]
	}
	signature := line == "-- \n" || line == "--\n" || line == "---\n" || line == "-- "
	if strings.IndexByte("+-\t \\", line[0]) < 0 || signature ||
		strings.HasPrefix(line, "--- ") && strings.HasPrefix(after, "+++ ") {
		return nil
	}
	return s.miscounted(begin, header)
}

// miscounted reports the true number of lines of a hunk.
func (s *splitter) miscounted(begin int, header string) error {
	old, new := 0, 0
	for s.at = begin + 1; s.at < len(s.lines); s.at++ {
		op := opOf(s.peek(0))
		if op == 0 || withoutCR(s.peek(0)) == "-- \n" || s.atNames() {
			break
		}
		if op == Context || op == Remove {
			old++
		}
		if op == Context || op == Add {
			new++
		}
	}
	s.at = begin
	return s.errorf(0, "hunk %s does not match the line counts of its header: %d old and %d new lines follow", header, old, new).
		Hint("the patch was cut short or edited by hand; get it again from its source")
}

// foreign refuses lines outside hunks that mean a change which a unified text diff
// cannot express.
func (s *splitter) foreign(line string) error {
	switch {
	case line == "GIT binary patch\n", strings.HasPrefix(line, "Binary files ") &&
		strings.HasSuffix(strings.TrimSpace(line), " differ"):
		return s.errorf(0, "binary patch").Hint("only text changes can become a livepatch; leave the binary file out")
	case strings.HasPrefix(line, "diff --cc "), strings.HasPrefix(line, "diff --combined "),
		strings.HasPrefix(line, "@@@ "):
		return s.errorf(0, "combined diff of a merge").Hint("make the patch against one parent: git diff PARENT COMMIT")
	case strings.HasPrefix(line, "***************") && strings.HasPrefix(s.peek(-1), "--- ") &&
		strings.HasPrefix(s.peek(-2), "*** "):
		return s.errorf(0, "context diff").Hint("make a unified diff: diff -u, or git diff")
	case onlyIn.MatchString(line):
		return s.errorf(0, "file that exists on one side only: %s", quote(line)).Hint("make the patch with diff -urN")
	case s.start >= 0 && strings.HasPrefix(line, "@@"):
		return s.errorf(0, "garbage in place of a hunk header: %s", quote(line))
	case isEncoded(line):
		return s.errorf(0, "encoded mail: %s", quote(line)).Hint("save the patch decoded, with git or b4")
	}
	return nil
}

// onlyIn matches the line that diff -r without -N writes instead of a new file.
var onlyIn = regexp.MustCompile(`^Only in \S+: \S+\n?$`)

// isEncoded recognises the mail header of an encoded body, whose lines are not the
// patch's own bytes.
func isEncoded(line string) bool {
	name, value, found := strings.Cut(strings.ToLower(line), ":")
	value = strings.TrimSpace(value)
	return found && name == "content-transfer-encoding" && (value == "base64" || value == "quoted-printable")
}

func isGitHeader(line string) bool {
	for _, prefix := range []string{"index ", "old mode ", "new mode ", "deleted file mode ", "new file mode ",
		"copy from ", "copy to ", "rename from ", "rename to ", "rename old ", "rename new ",
		"similarity index ", "dissimilarity index "} {
		if strings.HasPrefix(line, prefix) {
			return true
		}
	}
	return false
}

// errorf is an error at n lines after the current one.
func (s *splitter) errorf(n int, format string, args ...any) *fault.Error {
	line := min(s.at+n+1, len(s.lines))
	return fault.Inputf("line %d: "+format, append([]any{line}, args...)...)
}

// quote shows a line of hostile text in an error.
func quote(line string) string {
	line = strings.TrimRight(line, "\r\n")
	if runes := []rune(line); len(runes) > 100 {
		line = string(runes[:100]) + "…"
	}
	return strconv.Quote(line)
}
