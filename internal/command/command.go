// Package command runs external programs. Each program is logged so that it can be replayed by
// hand. Its whole output is kept for the error, and nothing that it started outlives the context.
package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"kintsugi/internal/fault"
)

// Cmd is one program to run.
type Cmd struct {
	Dir    string
	Env    []string // added to the Environ of this package
	Path   string
	Args   []string // without the program's own name
	Stdin  io.Reader
	Output io.Writer // optional: gets a copy of stdout and stderr while the program runs
	Cage   Cage      // cage of the program; nil: none

	Deadline time.Duration // the program is killed after this time; 0: no limit
}

// Cage confines programs: it turns a command into the command that runs it in the cage.
type Cage interface {
	Wrap(c *Cmd) *Cmd
}

// ErrDeadline means that a program ran longer than its deadline.
var ErrDeadline = errors.New("took too long and was killed")

// Error is the failure of a program that ran and did not exit with zero.
type Error struct {
	Cmd    *Cmd
	Output []byte // stdout and stderr, interleaved
	Err    error
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s: %v", e.Cmd.Path, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// Signal returns the signal that ended the program, or 0. Shells and bubblewrap exit with 128 plus
// the signal of their child.
func (e *Error) Signal() syscall.Signal {
	const shell = 128
	var exit *exec.ExitError
	if !errors.As(e.Err, &exit) {
		return 0
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return status.Signal()
	}
	return syscall.Signal(max(0, exit.ExitCode()-shell))
}

// Run runs c and returns its output, stdout and stderr together. When ctx ends, the whole process
// group is killed. A missing program is a fault.Environment. A program that exits with another
// status than zero is an *Error.
func (c *Cmd) Run(ctx context.Context) ([]byte, error) {
	var all bytes.Buffer
	err := c.run(ctx, &all, &all)
	return all.Bytes(), c.wrap(err, all.Bytes())
}

// Stdout is Run for programs whose stdout is a result: it returns only stdout, and keeps stderr for
// the error.
func (c *Cmd) Stdout(ctx context.Context) ([]byte, error) {
	var out, errOut bytes.Buffer
	err := c.run(ctx, &out, &errOut)
	return out.Bytes(), c.wrap(err, errOut.Bytes())
}

func (c *Cmd) run(ctx context.Context, stdout, stderr io.Writer) error {
	c = c.caged()
	slog.Debug("run", "command", c.String())
	outer := ctx
	if c.Deadline > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.Deadline)
		defer cancel()
	}
	if c.Output != nil {
		if stdout == stderr {
			stdout = io.MultiWriter(stdout, c.Output)
			stderr = stdout
		} else {
			stderr = io.MultiWriter(stderr, c.Output)
		}
	}
	cmd := exec.CommandContext(ctx, c.Path, c.Args...)
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = c.Dir, c.Stdin, stdout, stderr
	cmd.Env = append(Environ(), c.Env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	err := cmd.Run()
	if outer.Err() != nil {
		return outer.Err()
	}
	if ctx.Err() != nil {
		return ErrDeadline
	}
	return err
}

// caged returns the command that really runs.
func (c *Cmd) caged() *Cmd {
	if c.Cage == nil {
		return c
	}
	return c.Cage.Wrap(c)
}

func (c *Cmd) wrap(err error, output []byte) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s: %w", c.Path, err)
	case errors.Is(err, exec.ErrNotFound):
		return &fault.Error{Class: fault.Environment, Err: fmt.Errorf("%s is not installed", c.Path)}
	}
	return &Error{Cmd: c, Output: output, Err: err}
}

// String returns c with its cage as a line for a POSIX shell.
func (c *Cmd) String() string {
	c = c.caged()
	var words []string
	if c.Dir != "" {
		words = append(words, "cd", Quote(c.Dir), "&&")
	}
	for _, kv := range c.Env {
		name, value, _ := strings.Cut(kv, "=")
		words = append(words, name+"="+Quote(value))
	}
	words = append(words, Quote(c.Path))
	for _, a := range c.Args {
		words = append(words, Quote(a))
	}
	return strings.Join(words, " ")
}

// Quote returns s as one word for a POSIX shell.
func Quote(s string) string {
	plain := s != "" && strings.IndexFunc(s, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:,@%", r)
	}) < 0
	if plain {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
