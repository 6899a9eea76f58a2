package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"kintsugi/internal/command"
	"kintsugi/internal/report"
	"kintsugi/kbuild"
	"kintsugi/kbuild/compile"
	"kintsugi/kbuild/plan"
)

// rival is the build of one file, and the bare commands for comparison.
type rival struct {
	bench             *bench
	out               string // output folder of the build
	build             command.Cmd
	original, patched command.Cmd // the bare compiler
	link              string      // scratch directory for make M=
}

// figures are the costs of one rival, one sample per round.
type figures struct {
	build, together, inTurn          samples // wall time, ms
	pair, original, patched, link    samples
	buildCPU, togetherCPU, inTurnCPU samples
	stages                           map[string]samples
}

func (b *bench) builds(ctx context.Context) error {
	fmt.Printf("\nwarm build of one file, %d rounds, each of build, compilers at once, make M=, compiler, compiler\n",
		b.rounds)
	fmt.Println("  ms: median, smallest, largest")
	for _, e := range edits {
		r, err := b.rival(ctx, e)
		if err != nil {
			return err
		}
		m, _, err := peak(ctx, r.build) // also warms up, and leaves src/ for the floor
		if err != nil {
			return err
		}
		f := &figures{stages: map[string]samples{}}
		for i := range b.rounds + 1 {
			if i == 1 {
				*f = figures{stages: map[string]samples{}} // the first round warms up the floor
			}
			if err := r.round(ctx, f); err != nil {
				return err
			}
		}
		fmt.Printf("\n%s, load average %s\n", e.file, load())
		f.print()
		fmt.Printf("  peak memory                    %s    (to reach: itself below 300 MB)\n", m)
	}
	return nil
}

// rival creates the patch and the commands for one edit.
func (b *bench) rival(ctx context.Context, e edit) (*rival, error) {
	patch, patched, err := e.patch(b.target.Source)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(b.work, "build-")
	if err != nil {
		return nil, err
	}
	file, source := filepath.Join(dir, "bench.patch"), filepath.Join(dir, filepath.Base(e.file))
	if err := os.WriteFile(file, patch, 0o644); err != nil {
		return nil, err
	}
	if err := os.WriteFile(source, patched, 0o644); err != nil {
		return nil, err
	}
	unit, err := b.unit(ctx, e.file)
	if err != nil {
		return nil, err
	}
	r := &rival{bench: b, out: filepath.Join(dir, "out"), link: filepath.Join(dir, "link")}
	r.build = command.Cmd{Dir: dir, Path: b.kintsugi,
		Args: []string{"build", "-q", "-t", b.target.Name, "-j", strconv.Itoa(runtime.NumCPU()), "-o", r.out, file}}
	compiler := &compile.Compiler{Tree: b.tree}
	r.original = compiler.Command(unit, filepath.Join(dir, "original.o"))
	r.patched = compiler.Command(unit, filepath.Join(dir, "patched.o"))
	// The patched file is outside the tree, but its neighbours are inside.
	i := slices.Index(r.patched.Args, e.file)
	if i < 0 {
		return nil, fmt.Errorf("%s is not an argument of its compiler", e.file)
	}
	r.patched.Args[i] = source
	r.patched.Args = append(r.patched.Args, "-iquote", filepath.Dir(e.file))
	return r, nil
}

func (b *bench) unit(ctx context.Context, file string) (kbuild.Unit, error) {
	units, _, err := (&plan.Planner{Tree: b.tree}).Plan(ctx, []string{file})
	if err != nil {
		return kbuild.Unit{}, err
	}
	if len(units) != 1 {
		return kbuild.Unit{}, fmt.Errorf("%s: %d units instead of one", file, len(units))
	}
	return units[0], nil
}

// round measures the build and each bare command once.
func (r *rival) round(ctx context.Context, f *figures) error {
	build, err := timed(ctx, r.build)
	if err != nil {
		return err
	}
	pair, err := timed(ctx, r.original, r.patched)
	if err != nil {
		return err
	}
	link, err := r.make(ctx)
	if err != nil {
		return err
	}
	original, err := timed(ctx, r.original)
	if err != nil {
		return err
	}
	patched, err := timed(ctx, r.patched)
	if err != nil {
		return err
	}
	f.add(build, pair, link, original, patched)
	return r.stages(f)
}

// make times make M= on a fresh copy of the source that the build left. It passes the variables of
// a build; without debug info, make is faster.
func (r *rival) make(ctx context.Context) (cost, error) {
	if err := os.RemoveAll(r.link); err != nil {
		return cost{}, err
	}
	if err := os.CopyFS(r.link, os.DirFS(filepath.Join(r.out, "src"))); err != nil {
		return cost{}, err
	}
	t := r.bench.target
	return timed(ctx, command.Cmd{Dir: t.Headers, Env: []string{"PWD=" + t.Headers}, Path: "make",
		Args: []string{"M=" + r.link, "CC=" + t.CC, "KBUILD_MODPOST_WARN=1", "KCFLAGS=-g0", "modules"}})
}

func (f *figures) add(build, pair, link, original, patched cost) {
	together, inTurn := pair.plus(link), original.plus(patched).plus(link)
	f.build.add(build.wall)
	f.together.add(together.wall)
	f.inTurn.add(inTurn.wall)
	f.pair.add(pair.wall)
	f.original.add(original.wall)
	f.patched.add(patched.wall)
	f.link.add(link.wall)
	f.buildCPU.add(build.cpu)
	f.togetherCPU.add(together.cpu)
	f.inTurnCPU.add(inTurn.cpu)
}

// stages adds the times of the stages from the build's report.
func (r *rival) stages(f *figures) error {
	text, err := os.ReadFile(filepath.Join(r.out, "report.json"))
	if err != nil {
		return err
	}
	var rep report.Report
	if err := json.Unmarshal(text, &rep); err != nil {
		return err
	}
	for stage, ms := range rep.Timings {
		f.stages[stage] = append(f.stages[stage], float64(ms))
	}
	return nil
}

func (f *figures) print() {
	row := func(name string, s samples) { fmt.Printf("  %-30s %s\n", name, s.format("%8.0f")) }
	row("kintsugi build", f.build)
	row("floor, compilers at once", f.together)
	row("  both compilers at once", f.pair)
	row("  make M=", f.link)
	row("floor, one after the other", f.inTurn)
	row("  compiler, original", f.original)
	row("  compiler, patched", f.patched)
	fmt.Printf("  %-30s %s    (to reach: 1.50)\n", "build / floor at once", f.build.per(f.together).format("%8.2f"))
	fmt.Printf("  %-30s %s\n", "build / floor in turn", f.build.per(f.inTurn).format("%8.2f"))
	fmt.Printf("  %-30s %s\n", "processor time, build / floor", f.buildCPU.per(f.togetherCPU).format("%8.2f"))
	fmt.Printf("  %-30s %s\n", "stages, median ms", f.stageLine())
}

func (f *figures) stageLine() string {
	var words []string
	for _, stage := range stageOrder {
		if s := f.stages[stage]; len(s) > 0 {
			words = append(words, fmt.Sprintf("%s %.0f", stage, s.median()))
		}
	}
	return strings.Join(words, ", ")
}

// stageOrder is the order of the stages of a build.
var stageOrder = []string{
	"parse", "open", "plan", "compile", "prove", "diff", "extract", "resolve", "emit", "link", "seal", "verify",
}
