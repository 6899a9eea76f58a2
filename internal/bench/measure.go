package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"kintsugi/internal/command"
)

// cost is the time of commands: wall time, and the processor time of all their processes, which other
// users of the machine disturb less.
type cost struct{ wall, cpu time.Duration }

func (c cost) plus(d cost) cost { return cost{c.wall + d.wall, c.cpu + d.cpu} }

// timed runs commands in parallel and waits for all of them.
func timed(ctx context.Context, cmds ...command.Cmd) (cost, error) {
	begin := time.Now()
	var running []*process
	var failed error
	for _, c := range cmds {
		p, err := start(ctx, c)
		if err != nil {
			failed = err
			break
		}
		running = append(running, p)
	}
	var total cost
	for _, p := range running {
		if err := p.wait(); err != nil {
			failed = err
			continue
		}
		total.cpu += p.cmd.ProcessState.SystemTime() + p.cmd.ProcessState.UserTime()
	}
	total.wall = time.Since(begin)
	return total, failed
}

// pooled runs all commands, as many in parallel as there are processors.
func pooled(ctx context.Context, cmds []command.Cmd) (cost, error) {
	begin := time.Now()
	var mu sync.Mutex
	var total cost
	var group errgroup.Group
	group.SetLimit(runtime.NumCPU())
	for _, c := range cmds {
		group.Go(func() error {
			one, err := timed(ctx, c)
			mu.Lock()
			defer mu.Unlock()
			total.cpu += one.cpu
			return err
		})
	}
	err := group.Wait()
	total.wall = time.Since(begin)
	return total, err
}

// processorTime returns the processor time that this process has used so far.
func processorTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // cannot fail with these arguments
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// process is a running command.
type process struct {
	what   command.Cmd
	cmd    *exec.Cmd
	output bytes.Buffer
}

func start(ctx context.Context, c command.Cmd) (*process, error) {
	p := &process{what: c, cmd: exec.CommandContext(ctx, c.Path, c.Args...)}
	p.cmd.Dir, p.cmd.Env = c.Dir, append(command.Environ(), c.Env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(os.Interrupt) }
	p.cmd.WaitDelay = 10 * time.Second
	return p, p.cmd.Start()
}

func (p *process) wait() error {
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("%s: %w\n%s", p.what.String(), err, &p.output)
	}
	return nil
}

// memory is the peak of resident memory in KiB.
type memory struct {
	own  int // peak of the process itself
	tree int // peak of the largest process among it and its descendants
}

// peak runs a command and watches its memory. ru_maxrss of wait4 includes everything that the process
// waited for, so its own peak is read from /proc while it runs. VmHWM never falls, so only the growth
// of the last two milliseconds is missed. Watching takes time, so the time of this run does not count.
//
// ru_maxrss includes the memory of the parent before exec (exec_mmap, fs/exec.c). It is the memory of
// a compiler only while this program is smaller than a compiler.
func peak(ctx context.Context, c command.Cmd) (memory, cost, error) {
	begin := time.Now()
	p, err := start(ctx, c)
	if err != nil {
		return memory{}, cost{}, err
	}
	done, watched := make(chan struct{}), make(chan int)
	go func() { watched <- watch(p.cmd.Process.Pid, done) }()
	err = p.wait()
	wall := time.Since(begin)
	close(done)
	m := memory{own: <-watched}
	if err != nil {
		return m, cost{}, err
	}
	m.tree = int(p.cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)
	return m, cost{wall: wall, cpu: p.cmd.ProcessState.SystemTime() + p.cmd.ProcessState.UserTime()}, nil
}

// watch returns the highest VmHWM (proc_pid_status(5)) of a process, in KiB.
func watch(pid int, done <-chan struct{}) int {
	most := 0
	for {
		select {
		case <-done:
			return most
		case <-time.After(2 * time.Millisecond):
		}
		status, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
		if _, rest, ok := strings.Cut(string(status), "VmHWM:"); ok {
			n, _ := strconv.Atoi(strings.Fields(rest)[0])
			most = max(most, n)
		}
	}
}

func (m memory) String() string {
	if m.tree > m.own {
		return fmt.Sprintf("%d MB itself, largest child %d MB", m.own>>10, m.tree>>10)
	}
	return fmt.Sprintf("%d MB itself, no child above that", m.own>>10)
}

// samples are the figures of the rounds, in order.
type samples []float64

func (s *samples) add(d time.Duration) { *s = append(*s, float64(d.Microseconds())/1000) }

func (s samples) median() float64 {
	sorted := slices.Sorted(slices.Values(s))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// per divides s by floor, round by round.
func (s samples) per(floor samples) samples {
	var quotients samples
	for i := range s {
		quotients = append(quotients, s[i]/floor[i])
	}
	return quotients
}

// format prints median, smallest and largest.
func (s samples) format(verb string) string {
	return fmt.Sprintf(verb+"  "+verb+"  "+verb, s.median(), slices.Min(s), slices.Max(s))
}
