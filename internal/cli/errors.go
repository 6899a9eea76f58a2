package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"kintsugi/internal/command"
	"kintsugi/internal/fault"
	"kintsugi/internal/text"
)

// exit prints err and returns its exit code.
func (a *app) exit(err error) int {
	a.display.Clear()
	if err == nil {
		return 0
	}
	if errors.Is(err, context.Canceled) {
		a.complain("interrupted", fault.Hints(err))
		return int(fault.Environment)
	}
	a.complain(err.Error(), advice(err))
	return int(classOf(err))
}

// complain prints an error and its hints. Lines of message after the first are indented.
func (a *app) complain(message string, hints []string) {
	var b strings.Builder
	lines := strings.Split(strings.TrimRight(message, "\n"), "\n")
	fmt.Fprintf(&b, "error: %s\n", text.Printable(lines[0]))
	for _, l := range lines[1:] {
		fmt.Fprintf(&b, "  %s\n", plain(l))
	}
	for _, h := range hints {
		for _, l := range strings.Split(strings.TrimRight(h, "\n"), "\n") {
			fmt.Fprintf(&b, "hint: %s\n", plain(l))
		}
	}
	fmt.Fprint(a.stderr, b.String())
}

// plain is a line of a tool's output, printable and with blanks in place of tabs.
func plain(line string) string {
	return text.Printable(strings.ReplaceAll(strings.TrimRight(line, "\r"), "\t", "    "))
}

// classOf is fault.ClassOf, except for faults of the machine, which can occur
// anywhere: a full disk, a deadline, and a tool that fails unexpectedly.
func classOf(err error) fault.Class {
	var tool *command.Error
	class := fault.ClassOf(err)
	if fullDisk(err) || class == fault.Bug && errors.As(err, &tool) || errors.Is(err, context.DeadlineExceeded) {
		return fault.Environment
	}
	return class
}

// advice returns the hints of err, and those for a full disk, a failed tool and
// a bug.
func advice(err error) []string {
	hints := fault.Hints(err)
	var tool *command.Error
	switch {
	case fullDisk(err):
		hints = append(hints, "the disk is full: make room, or set KINTSUGI_CACHE, TMPDIR or -o to a folder of another disk")
	case fault.ClassOf(err) != fault.Bug:
	case errors.As(err, &tool):
		hints = append(append(hints, tail(tool.Output, 20)...), "run by hand: "+tool.Cmd.String())
	case classOf(err) == fault.Bug:
		hints = append(hints, pleaseReport)
	}
	return hints
}

const pleaseReport = "this is a bug in kintsugi: please report it with the command line, the output of -v " +
	"and kintsugi --version"

// fullDisk reports whether the cause of err is a full disk or quota, by the
// system's error or by a tool's message.
func fullDisk(err error) bool {
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		return true
	}
	var tool *command.Error
	return errors.As(err, &tool) && strings.Contains(string(tool.Output), "No space left on device")
}

// tail is the last lines of a tool's output.
func tail(output []byte, most int) []string {
	lines := strings.Split(strings.TrimSpace(string(output)), "\n")
	return lines[max(0, len(lines)-most):]
}

// crashed reports a panic.
func (a *app) crashed(reason any, stack []byte) int {
	a.display.Clear()
	a.complain(fmt.Sprintf("panic: %v\n%s", reason, stack), []string{pleaseReport})
	return int(fault.Bug)
}
