package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"

	"golang.org/x/sync/errgroup"

	"kintsugi/internal/command"
	"kintsugi/kbuild"
	"kintsugi/kbuild/compile"
	"kintsugi/kbuild/plan"
)

// headerEdit changes code that is compiled into units all over the kernel.
var headerEdit = edit{"include/linux/mman.h", "vm_acct_memory(-pages);", "if (pages != 12345) vm_acct_memory(-pages);"}

// headers times the build of a header change, and the bare compiler on all units that include the
// header. A build needs at least one compilation of each patched unit, and one of each original
// that is not cached.
func (b *bench) headers(ctx context.Context) error {
	fmt.Printf("\nchange of a header, %s, %d compilers at once, load average %s\n",
		headerEdit.file, runtime.NumCPU(), load())
	patch, _, err := headerEdit.patch(b.target.Source)
	if err != nil {
		return err
	}
	file := filepath.Join(b.work, "header.patch")
	if err := os.WriteFile(file, patch, 0o644); err != nil {
		return err
	}
	reached, affected, err := b.affected(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("  %d units may include the header, %d do and need no generated file\n", reached, len(affected))
	bare, err := b.compileAll(ctx, affected, "bare")
	if err != nil {
		return err
	}
	cache, err := b.freshStore()
	if err != nil {
		return err
	}
	jobs, out := strconv.Itoa(runtime.NumCPU()), filepath.Join(b.work, "header")
	build := command.Cmd{Dir: b.work, Env: []string{"KINTSUGI_CACHE=" + cache}, Path: b.kintsugi,
		Args: []string{"build", "-q", "-t", b.target.Name, "-j", jobs, "-o", out, file}}
	first, err := timed(ctx, build)
	if err != nil {
		return err
	}
	again, err := timed(ctx, build)
	if err != nil {
		return err
	}
	row := func(what string, c cost) {
		fmt.Printf("  %-40s %8.1f s, processor %.1f s\n", what, c.wall.Seconds(), c.cpu.Seconds())
	}
	row("bare compiler, each unit once", bare)
	row("kintsugi build, nothing kept", first)
	row("kintsugi build, originals kept", again)
	ratio := func(what string, c cost, times float64, goal string) {
		wall, cpu := c.wall.Seconds()/bare.wall.Seconds(), c.cpu.Seconds()/bare.cpu.Seconds()
		fmt.Printf("  %-40s %8.2f, of processor time %.2f%s\n", what, wall/times, cpu/times, goal)
	}
	ratio("nothing kept / bare compiler twice", first, 2, "    (to reach: 1.2)")
	ratio("originals kept / bare compiler once", again, 1, "    (to reach: 1.2)")
	return nil
}

// affected returns the number of units that the header may reach, and the units
// that include it.
func (b *bench) affected(ctx context.Context) (int, []kbuild.Unit, error) {
	compiler := &compile.Compiler{Tree: b.tree}
	units, _, err := (&plan.Planner{Tree: b.tree}).Plan(ctx, []string{headerEdit.file})
	if err != nil {
		return 0, nil, err
	}
	var affected []kbuild.Unit
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(runtime.NumCPU())
	for i := range units {
		group.Go(func() error {
			deps, err := compiler.Deps(ctx, units[i], filepath.Join(b.work, "deps", strconv.Itoa(i)))
			if err == nil && slices.Contains(deps, headerEdit.file) && !units[i].WantsGenerated() {
				mu.Lock()
				defer mu.Unlock()
				affected = append(affected, units[i])
			}
			return err
		})
	}
	return len(units), affected, group.Wait()
}

// compileAll runs the bare compiler on all units, on all cores.
func (b *bench) compileAll(ctx context.Context, units []kbuild.Unit, name string) (cost, error) {
	dir := filepath.Join(b.work, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return cost{}, err
	}
	var script []command.Cmd
	for i, u := range units {
		script = append(script, (&compile.Compiler{Tree: b.tree}).Command(u, filepath.Join(dir, strconv.Itoa(i)+".o")))
	}
	return pooled(ctx, script)
}

// freshStore creates a store with the target. It has kbuild's answers about units, but no cached
// objects.
func (b *bench) freshStore() (string, error) {
	cache := filepath.Join(b.work, "fresh")
	dir := filepath.Join(cache, "targets", b.target.Name)
	if err := os.MkdirAll(filepath.Join(dir, "units"), 0o755); err != nil {
		return "", err
	}
	entries, err := os.ReadDir(b.target.Dir)
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		if e.Name() == "units" {
			continue
		}
		if err := os.Symlink(filepath.Join(b.target.Dir, e.Name()), filepath.Join(dir, e.Name())); err != nil {
			return "", err
		}
	}
	kept, err := filepath.Glob(filepath.Join(b.target.Dir, "units", "*.json"))
	if err != nil {
		return "", err
	}
	for _, file := range kept {
		data, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(dir, "units", filepath.Base(file)), data, 0o644); err != nil {
			return "", err
		}
	}
	return cache, nil
}
