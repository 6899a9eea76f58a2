package vm

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"kintsugi/internal/report"
)

// parts is the number of parts of the cycles. The memory is measured after each
// part, without the load.
const parts = 4

// cycles loads and unloads the livepatch under load, and measures the kernel's
// memory before, and after each part.
func (g *guest) cycles(ctx context.Context, l *planLivepatch) error {
	c := &report.TestCycles{Asked: g.plan.Cycles}
	g.facts.Cycles = c
	if err := g.warmUp(ctx, l); err != nil {
		return err
	}
	c.MemoryKB = append(c.MemoryKB, kernelMemory())
	for part := 1; part <= parts; part++ {
		until := c.Asked * part / parts
		if until == c.Done {
			continue
		}
		if err := g.underLoad(func() error { return g.cycle(ctx, l, c, until) }); err != nil {
			return err
		}
		c.MemoryKB = append(c.MemoryKB, kernelMemory())
	}
	stats, err := os.ReadFile("/proc/lockdep_stats")
	c.Lockdep = err == nil
	g.sendFacts()
	if err == nil && lockdepOff(string(stats)) {
		return fmt.Errorf("lockdep has switched itself off: debug_locks is 0 in /proc/lockdep_stats")
	}
	return nil
}

// warmUp fills the caches of the load, and those of a first cycle.
func (g *guest) warmUp(ctx context.Context, l *planLivepatch) error {
	return g.underLoad(func() error {
		time.Sleep(time.Second)
		return g.once(ctx, l)
	})
}

// cycle loads and unloads until that many cycles are done.
func (g *guest) cycle(ctx context.Context, l *planLivepatch, c *report.TestCycles, until int) error {
	for c.Done < until {
		if err := g.once(ctx, l); err != nil {
			return fmt.Errorf("cycle %d: %w", c.Done+1, err)
		}
		c.Done++
	}
	return nil
}

// settle is the time for which the load runs with the livepatch, and then without
// it.
const settle = 100 * time.Millisecond

func (g *guest) once(ctx context.Context, l *planLivepatch) error {
	if err := g.load(ctx, l); err != nil {
		return err
	}
	if err := g.checkObjects(l.Name); err != nil {
		return err
	}
	time.Sleep(settle)
	if err := g.remove(ctx, l.Name); err != nil {
		return err
	}
	time.Sleep(settle)
	return nil
}

//go:embed load.sh
var loadScript string

// stopFile ends the load.
const stopFile = "/tmp/.kintsugi-stop"

// underLoad runs f while the load script runs, and the probe in a loop with the
// argument load. Their output and exit status are ignored.
func (g *guest) underLoad(f func() error) error {
	os.Remove(stopFile)
	load := []*exec.Cmd{shell("-c", loadScript, "load", stopFile)}
	if g.plan.Probe {
		loop := `while [ ! -e ` + stopFile + ` ]; do sh ` + probePath + ` load "$1" > /dev/null 2>&1; done`
		load = append(load, shell("-c", loop, "load", g.plan.Livepatches[0].Name))
	}
	for _, cmd := range load {
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := cmd.Start(); err != nil {
			return fmt.Errorf("load: %w", err)
		}
	}
	err := f()
	os.WriteFile(stopFile, nil, 0o644) // on an error, the time limit ends the load
	for _, cmd := range load {
		endLoad(cmd)
	}
	reap()
	return err
}

// endLoad waits for the end of a round of the load, and kills a round that does not
// end.
func endLoad(cmd *exec.Cmd) {
	limit := time.AfterFunc(20*time.Second, func() { unix.Kill(-cmd.Process.Pid, unix.SIGKILL) })
	cmd.Wait() // the status is ignored
	limit.Stop()
}

// kernelMemory is the memory in kB that the kernel has allocated for itself, without
// caches that it can drop at once: slabs (kmalloc), vmalloc, which has the modules,
// stacks and per-CPU memory. Free memory would also show pages that were allocated
// directly, but it varies by tens of megabytes, with the lists of free pages of each
// CPU and with processes that start and end.
func kernelMemory() int64 {
	unix.Sync()
	os.WriteFile("/proc/sys/vm/drop_caches", []byte("3\n"), 0) // without it, slabs are larger
	time.Sleep(time.Second)                                    // deferred frees
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	m := parseMeminfo(string(text))
	return m["SUnreclaim"] + m["VmallocUsed"] + m["KernelStack"] + m["Percpu"]
}

// parseMeminfo reads lines such as "MemFree:  123 kB".
func parseMeminfo(text string) map[string]int64 {
	values := map[string]int64{}
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(line, ":")
		number, _, _ := strings.Cut(strings.TrimSpace(value), " ")
		if n, err := strconv.ParseInt(number, 10, 64); err == nil {
			values[key] = n
		}
	}
	return values
}

// lockdepOff reports whether lockdep has found a fault and switched itself off
// ("debug_locks: 0", kernel/locking/lockdep_proc.c).
func lockdepOff(stats string) bool {
	for line := range strings.Lines(stats) {
		key, value, _ := strings.Cut(line, ":")
		if strings.TrimSpace(key) == "debug_locks" {
			return strings.TrimSpace(value) == "0"
		}
	}
	return false
}
