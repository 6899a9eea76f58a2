// Package toolerr turns the failure of a compiler or of make into an error that shows the relevant
// line of the tool's output.
package toolerr

import (
	"bytes"
	"regexp"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"kintsugi/internal/command"
	"kintsugi/internal/fault"
)

// Error is the failure of a tool. It prints as one line of the tool's output.
type Error struct {
	Line string // if empty, the command is printed instead
	Err  *command.Error
}

func (e *Error) Unwrap() error { return e.Err }
func (e *Error) Error() string {
	if e.Line == "" {
		return e.Err.Error()
	}
	return e.Line
}

var compilerError = regexp.MustCompile(`(?m)^(cc1|\{standard input\}|[^\s:]+:\d+)(:\d+)?: ([fF]atal )?[eE]rror: .*$`)

// CompilerLine returns the compiler's first error in its output, or "".
func CompilerLine(output []byte) string { return string(compilerError.Find(output)) }

// readable is the number of lines of a tool's output that a person reads.
const readable = 20

// WithBeginning adds the beginning of a compiler's output, which contains the first error, as
// hints.
func WithBeginning(e *fault.Error, output []byte) *fault.Error {
	lines := strings.Split(strings.TrimSpace(string(output)), "\n")
	for i, line := range lines {
		if i == readable {
			return e.Hint("(%d more lines)", len(lines)-readable)
		}
		e.Hint("%s", line)
	}
	return e
}

// WithEnd adds the end of make's output, which contains the cause, as hints.
func WithEnd(e *fault.Error, output []byte) *fault.Error {
	lines := strings.Split(strings.TrimSpace(string(output)), "\n")
	if n := len(lines) - readable; n > 0 {
		e.Hint("(%d lines omitted)", n)
		lines = lines[n:]
	}
	for _, line := range lines {
		e.Hint("%s", line)
	}
	return e
}

// DiskFull returns the fault of a tool that failed because the file system of its work directory is
// full, or nil for any other failure. It checks the file system itself, because make and fixdep do
// not report the cause.
func DiskFull(work string, output []byte) error {
	const little = 64 << 10
	var fs unix.Statfs_t
	reported := bytes.Contains(output, []byte("No space left on device"))
	if !reported && (unix.Statfs(work, &fs) != nil || fs.Bavail*uint64(fs.Bsize) >= little) {
		return nil
	}
	return fault.Environmentf("work directory %s: %w", work, syscall.ENOSPC).
		Hint("free some space, or set TMPDIR to a directory with a few hundred megabytes of free space")
}
