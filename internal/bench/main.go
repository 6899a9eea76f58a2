// Bench measures kintsugi on a real target: a warm build beside the bare commands
// that every build needs, the change of a header beside the bare compiler, the time
// that a new target takes, and the differ on the kernel's largest modules. It asserts
// nothing: it prints each figure next to its goal. docs/performance.md explains the
// figures.
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

// bench is what the measurements share.
type bench struct {
	tree     *kbuild.Tree
	target   *target.Target
	kintsugi string // the program that is measured
	work     string // scratch directory
	rounds   int    // counted ones
}

// part is a measurement that can be asked for by name.
type part struct {
	name string
	run  func(*bench, context.Context) error
}

// parts are in the order in which they are measured.
var parts = []part{
	{"build", (*bench).builds},
	{"headers", (*bench).headers},
	{"target", (*bench).coldTarget},
	{"differ", (*bench).differ}, // the last, since it takes memory: see peak
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bench", flag.ExitOnError)
	name := flags.String("t", "", "target (default: as kintsugi build)")
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
