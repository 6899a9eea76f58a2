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

// errProbe is the error of a probe with another exit status than 0.
var errProbe = errors.New("probe exited with a status other than zero")

// maxOutput limits the output of a probe that is kept.
const maxOutput = 256 << 10

// shell is a command of busybox sh with the environment of scripts.
func shell(args ...string) *exec.Cmd {
	cmd := exec.Command(busyboxPath, append([]string{"sh"}, args...)...)
	cmd.Env = []string{"PATH=/sbin:/bin:/usr/sbin:/usr/bin", "HOME=/root", "TERM=dumb", "LC_ALL=C"}
	return cmd
}

// probe runs the user's script and reports its output and status under the
// name of the phase.
//
// The output goes to a file: a background process of the script would keep a pipe
// open, and the sequence would wait for it.
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

// exitStatus is the status as in a shell: 128 plus the signal's number for a killed
// process.
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

// reap collects orphans, which init inherits. It must not run while init waits for
// another child.
func reap() {
	for {
		pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
		if pid <= 0 && err != unix.EINTR {
			return
		}
	}
}
