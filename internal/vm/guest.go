package vm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"kintsugi/internal/livepatch"
	"kintsugi/internal/report"
)

// IsGuest says whether this process is init of a VM that Run started.
func IsGuest() bool {
	return os.Getpid() == 1 && os.Args[0] == "/init"
}

// GuestMain is init of the VM: it runs the sequence, reports it to the host
// and turns the machine off. It does not return.
func GuestMain() {
	g := &guest{begun: time.Now()}
	if err := g.setup(); err != nil {
		fmt.Fprintln(os.Stderr, "kintsugi:", err) // the console; there is no other way out
	} else {
		g.send(message{Failure: g.sequence(), Taint: taint(), Done: true})
		drain(g.channel)
	}
	unix.Sync()
	unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
	select {} // init must not end
}

// guest is the state of the VM's init.
type guest struct {
	begun   time.Time
	plan    plan
	host    livepatch.Host
	channel *os.File // to the host: the second serial port
	kmsg    *os.File // marks the steps on the console
}

func (g *guest) setup() error {
	if err := mountAll(); err != nil {
		return err
	}
	var err error
	if g.channel, err = os.OpenFile("/dev/ttyS1", os.O_WRONLY|unix.O_NOCTTY, 0); err != nil {
		return fmt.Errorf("channel to the host: %w", err)
	}
	if g.kmsg, err = os.OpenFile("/dev/kmsg", os.O_WRONLY, 0); err != nil {
		return fmt.Errorf("kernel log: %w", err)
	}
	text, err := os.ReadFile(planPath)
	if err != nil {
		return fmt.Errorf("plan: %w", err)
	}
	if err := json.Unmarshal(text, &g.plan); err != nil {
		return fmt.Errorf("plan: %w", err)
	}
	g.host.Wait = g.plan.Transition
	return nil
}

// sequence is the test. It stops at the first step that fails, except that a
// probe which is not content with the patched kernel still sees it reverted.
func (g *guest) sequence() *failure {
	var patch *livepatch.Patch
	ctx := context.Background()
	steps := []struct {
		name string
		run  func() error
	}{
		{"shell", g.installShell},
		{"before", func() error { return g.probe("before") }},
		{"load", func() (err error) { patch, err = g.host.Load(ctx, modulePath); return err }},
		{"after", func() error { return g.probe("after") }},
		{"disable", func() error { return g.host.Disable(ctx, patch.Name) }},
		{"unload", func() error { return g.host.Unload(ctx, patch.Name) }},
		{"reverted", func() error { return g.probe("reverted") }},
	}
	for _, step := range steps {
		g.begin(step.name)
		err := step.run()
		if errors.Is(err, errProbe) && step.name == "before" {
			return nil // its status says it all
		}
		if err != nil && !errors.Is(err, errProbe) {
			return newFailure(step.name, err)
		}
	}
	return nil
}

// begin tells host and console which step comes.
func (g *guest) begin(step string) {
	g.send(message{Step: step, Elapsed: time.Since(g.begun)})
	fmt.Fprintf(g.kmsg, "<5>kintsugi: %s\n", step)
}

func (g *guest) send(m message) {
	text, err := json.Marshal(m)
	if err != nil {
		text = []byte(`{}`) // no field of a message can cause it
	}
	g.channel.Write(append(text, '\n')) // a host that is gone takes the VM with it
}

// installShell makes every applet of busybox a command.
func (g *guest) installShell() error {
	if !g.plan.Probe {
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

// probe runs the user's script and reports its output and status.
//
// The output goes through a file: a background process that the script
// leaves behind would keep a pipe open and the sequence waiting.
func (g *guest) probe(phase string) error {
	if !g.plan.Probe {
		return nil
	}
	out, err := os.CreateTemp("", "probe-")
	if err != nil {
		return err
	}
	defer out.Close()
	cmd := exec.Command(busyboxPath, "sh", probePath, phase)
	cmd.Env = []string{"PATH=/sbin:/bin:/usr/sbin:/usr/bin", "HOME=/root", "TERM=dumb", "LC_ALL=C"}
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
	g.send(message{Phase: &report.TestPhase{Name: phase, Output: string(text), Status: status}})
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

func taint() uint64 {
	text, err := os.ReadFile("/proc/sys/kernel/tainted")
	if err != nil {
		return 0
	}
	value, _ := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	return value
}

// drain waits until the serial port has sent everything.
func drain(tty *os.File) {
	unix.IoctlSetInt(int(tty.Fd()), unix.TCSBRK, 1) // tcdrain(3)
}
