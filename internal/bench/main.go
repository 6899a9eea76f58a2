// Bench measures kintsugi on a real target. It compares a warm build with the bare commands that
// every build needs, and a header change with the bare compiler. It measures the time to add a
// target, and the differ on the kernel's largest modules. It asserts nothing: it prints each figure
// next to its goal. docs/performance.md explains the figures.
//
//	go run ./internal/bench [-t TARGET] [-rounds N] [build] [headers] [target] [differ]
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"

	"kintsugi/internal/fault"
	"kintsugi/internal/target"
	"kintsugi/kbuild"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		for _, hint := range fault.Hints(err) {
			fmt.Fprintln(os.Stderr, "hint:", hint)
		}
		os.Exit(1)
	}
}

// bench is the state that all measurements share.
type bench struct {
	tree     *kbuild.Tree
	target   *target.Target
	kintsugi string // path of the measured program
	work     string // scratch directory
	rounds   int    // number of counted rounds
}

// part is a measurement that can be selected by name.
type part struct {
	name string
	run  func(*bench, context.Context) error
}

// parts are in the order of measurement.
var parts = []part{
	{"build", (*bench).builds},
	{"headers", (*bench).headers},
	{"target", (*bench).coldTarget},
	{"differ", (*bench).differ}, // last, because it uses much memory: see peak
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bench", flag.ExitOnError)
	name := flags.String("t", "", "target (default: that of kintsugi build)")
	rounds := flags.Int("rounds", 7, "counted rounds of each build")
	_ = flags.Parse(args)
	for _, arg := range flags.Args() {
		if !slices.ContainsFunc(parts, func(p part) bool { return p.name == arg }) {
			return fmt.Errorf("no part %q: build, headers, target or differ", arg)
		}
	}
	b, err := open(ctx, *name, *rounds)
	if err != nil {
		return err
	}
	defer os.RemoveAll(b.work)
	if err := b.machine(ctx); err != nil {
		return err
	}
	for _, p := range parts {
		if flags.NArg() > 0 && !slices.Contains(flags.Args(), p.name) {
			continue
		}
		if err := p.run(b, ctx); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return nil
}

// open opens the target and builds the program.
func open(ctx context.Context, name string, rounds int) (*bench, error) {
	store, err := target.DefaultStore()
	if err != nil {
		return nil, err
	}
	t, err := store.Open(name)
	if err != nil {
		return nil, err
	}
	machine, err := t.Machine()
	if err != nil {
		return nil, err
	}
	work, err := os.MkdirTemp("", "kintsugi-bench-")
	if err != nil {
		return nil, err
	}
	b := &bench{target: t, tree: t.Tree(machine, runtime.NumCPU()), kintsugi: filepath.Join(work, "kintsugi"),
		work: work, rounds: max(1, rounds)}
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", b.kintsugi, "kintsugi")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		os.RemoveAll(work)
		return nil, fmt.Errorf("go build: %w\n%s", err, out)
	}
	return b, nil
}
