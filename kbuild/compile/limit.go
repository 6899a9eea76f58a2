package compile

import (
	"bytes"
	"errors"
	"regexp"
	"syscall"

	"kintsugi/internal/command"
)

// limitText matches messages about limits of the cage: of the compiler (gcc/gcc.cc, libiberty), of
// the assembler and of the shell.
var limitText = regexp.MustCompile(`(?m)^.*(out of memory|virtual memory exhausted|[Mm]emory exhausted` +
	`|Cannot allocate memory|File too large|File size limit exceeded|CPU time limit exceeded` +
	`|[Kk]illed signal terminated|internal compiler error: Killed).*$`)

// limited reports whether a program ended because it used more memory, time or disk than a
// compilation may. The source is at fault: the original of every unit compiles within the same
// limits.
func limited(e *command.Error) bool {
	if errors.Is(e.Err, command.ErrDeadline) || limitText.Match(e.Output) {
		return true
	}
	signal := e.Signal()
	return signal == syscall.SIGXCPU || signal == syscall.SIGXFSZ || signal == syscall.SIGKILL
}

// limitLine returns the line of a program's output that names the limit.
func limitLine(e *command.Error) string {
	return string(bytes.TrimSpace(limitText.Find(e.Output)))
}
