package vm

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"

	"kintsugi/internal/report"
)

// installShell makes every applet of busybox a command.
func (g *guest) installShell() error {
	if !g.plan.Probe && g.plan.Cycles == 0 {
		return nil
	}
	out, err := exec.Command(busyboxPath, "--install", "-s").CombinedOutput()
	if err != nil {
		return fmt.Errorf("busybox --install: %w: %s", err, out)
	}
	return nil
}

// errProbe is a probe that ran and was not content.
var errProbe = errors.New("probe exited with a status other than zero")

// maxOutput bounds what is kept of one probe's output.
const maxOutput = 256 << 10

// shell is a command of busybox sh in the environment of scripts.
func shell(args ...string) *exec.Cmd {
	cmd := exec.Command(busyboxPath, append([]string{"sh"}, args...)...)
	cmd.Env = []string{"PATH=/sbin:/bin:/usr/sbin:/usr/bin", "HOME=/root", "TERM=dumb", "LC_ALL=C"}
	return cmd
}

// probe runs the user's script and reports its output and status under the
// name of the phase.
//
// The output goes through a file: a background process that the script
// leaves behind would keep a pipe open and the sequence waiting.
func (g *guest) probe(phase, argument, livepatch string) error {
	if !g.plan.Probe {
		return nil
	}
	out, err := os.CreateTemp("", "probe-")
	if err != nil {
		return err
	}
	defer out.Close()
	cmd := shell(probePath, argument, livepatch)
	cmd.Stdout, cmd.Stderr = out, out
	status, err := exitStatus(cmd.Run())
	if err != nil {
		return err
	}
	reap()
	text, err := io.ReadAll(io.NewSectionReader(out, 0, maxOutput))
	if err != nil {
		return err
	}
	g.send(message{Phase: &report.TestPhase{Name: phase, Module: livepatch, Output: string(text), Status: status}})
	if status != 0 {
		return errProbe
	}
	return nil
}

// exitStatus is the status as a shell has it: 128 and the signal's number for
// a process that was killed.
func exitStatus(err error) (int, error) {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return 0, err
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal()), nil
	}
	return exit.ExitCode(), nil
}

// reap collects orphans, which init inherits. It is called while no other
// child is waited for.
func reap() {
	for {
		pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
		if pid <= 0 && err != unix.EINTR {
			return
		}
	}
}
