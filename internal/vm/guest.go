package vm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"kintsugi/internal/livepatch"
)

// IsGuest reports whether this process is init of a VM of Run.
func IsGuest() bool {
	return os.Getpid() == 1 && os.Args[0] == "/init"
}

// GuestMain is init of the VM. It runs the sequence, reports to the host and turns
// the machine off. It does not return.
func GuestMain() {
	g := &guest{begun: time.Now()}
	if err := g.setup(); err != nil {
		fmt.Fprintln(os.Stderr, "kintsugi:", err) // to the console, as the channel may not be open
	} else {
		failure := g.sequence(context.Background())
		g.send(message{Failure: failure, Taint: taint(), Elapsed: time.Since(g.begun), Done: true})
		drain(g.channel)
	}
	unix.Sync()
	unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
	select {} // init must not end
}

// guest is the state of init.
type guest struct {
	begun    time.Time
	plan     plan
	host     livepatch.Host
	channel  *os.File // to the host: the second serial port
	kmsg     *os.File // marks the steps on the console
	facts    facts
	counters map[string]*counter // by livepatch
	events   int                 // number of kprobe events so far
}

func (g *guest) setup() error {
	if err := mountAll(); err != nil {
		return err
	}
	text, err := os.ReadFile(planPath)
	if err != nil {
		return fmt.Errorf("plan: %w", err)
	}
	if err := json.Unmarshal(text, &g.plan); err != nil {
		return fmt.Errorf("plan: %w", err)
	}
	if g.channel, err = os.OpenFile(g.plan.Channel, os.O_WRONLY|unix.O_NOCTTY, 0); err != nil {
		return fmt.Errorf("channel to the host: %w", err)
	}
	if g.kmsg, err = os.OpenFile("/dev/kmsg", os.O_WRONLY, 0); err != nil {
		return fmt.Errorf("kernel log: %w", err)
	}
	g.host.Wait = g.plan.Transition
	g.counters = map[string]*counter{}
	for _, m := range g.plan.Modules {
		g.facts.Modules = append(g.facts.Modules, m.fact())
	}
	for _, l := range g.plan.Livepatches {
		g.facts.Functions = append(g.facts.Functions, l.facts()...)
	}
	return nil
}

// sequence runs the steps up to the first that fails. A probe that fails before the
// livepatch is loaded ends the sequence, and its status is the reason. A probe that
// fails later does not end it, so that the probe also runs on the reverted kernel.
func (g *guest) sequence(ctx context.Context) *failure {
	for _, step := range g.steps(ctx) {
		g.begin(step.name)
		err := step.run()
		if errors.Is(err, errProbe) {
			if step.name == before {
				return nil
			}
			continue
		}
		if err != nil {
			return newFailure(step.name, err)
		}
	}
	return nil
}

// begin reports to host and console that a step begins.
func (g *guest) begin(step string) {
	g.send(message{Step: step, Elapsed: time.Since(g.begun)})
	fmt.Fprintf(g.kmsg, "<5>kintsugi: %s\n", step)
}

func (g *guest) send(m message) {
	text, err := json.Marshal(m)
	if err != nil {
		text = []byte(`{}`) // cannot happen: every field of a message can be encoded
	}
	g.channel.Write(append(text, '\n')) // when the host's process ends, the VM ends too
}

func (g *guest) sendFacts() { g.send(message{Facts: &g.facts}) }

func taint() uint64 {
	// a kernel without the file is not tainted
	value, _ := strconv.ParseUint(firstLine("/proc/sys/kernel/tainted"), 10, 64)
	return value
}

// firstLine is the first line of a small file, empty if it cannot be read.
func firstLine(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return strings.TrimSpace(line)
}

// drain waits until the serial port has sent everything.
func drain(tty *os.File) {
	unix.IoctlSetInt(int(tty.Fd()), unix.TCSBRK, 1) // tcdrain(3)
}
