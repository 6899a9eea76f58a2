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

// parts is how many parts the cycles have. The memory is measured after each,
// without the load.
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

// warmUp lets caches grow that stay: of the load, and of one more cycle.
func (g *guest) warmUp(ctx context.Context, l *planLivepatch) error {
	return g.underLoad(func() error {
		time.Sleep(time.Second)
		return g.once(ctx, l)
	})
}

// cycle goes on until that many cycles are done.
func (g *guest) cycle(ctx context.Context, l *planLivepatch, c *report.TestCycles, until int) error {
	for c.Done < until {
		if err := g.once(ctx, l); err != nil {
			return fmt.Errorf("cycle %d: %w", c.Done+1, err)
		}
		c.Done++
	}
	return nil
}

// settle is how long the load meets the livepatch in effect, and the kernel
// without it.
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

// underLoad runs f while the load script runs, and the probe again and again
// with the argument load. What they print and how they end does not count.
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
	os.WriteFile(stopFile, nil, 0o644) // the time limit ends the load otherwise
	for _, cmd := range load {
		endLoad(cmd)
	}
	reap()
	return err
}

// endLoad waits for the end of a round, and kills a round that does not end.
func endLoad(cmd *exec.Cmd) {
	limit := time.AfterFunc(20*time.Second, func() { unix.Kill(-cmd.Process.Pid, unix.SIGKILL) })
	cmd.Wait() // its status does not count
	limit.Stop()
}

// kernelMemory is what the kernel has allocated for itself, in kB, without what
// it can drop at once: slabs (kmalloc), vmalloc, which modules are in, stacks
// and per-CPU memory. Free memory would show pages that were allocated by hand
// too, but swings by tens of megabytes: it lacks pages that lie ready for a CPU,
// and processes come and go.
func kernelMemory() int64 {
	unix.Sync()
	os.WriteFile("/proc/sys/vm/drop_caches", []byte("3\n"), 0) // a kernel without it has more slabs
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

// lockdepOff reports whether lockdep has found something, after which it stops
// looking ("debug_locks: 0", kernel/locking/lockdep_proc.c).
func lockdepOff(stats string) bool {
	for line := range strings.Lines(stats) {
		key, value, _ := strings.Cut(line, ":")
		if strings.TrimSpace(key) == "debug_locks" {
			return strings.TrimSpace(value) == "0"
		}
	}
	return false
}
