package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"kintsugi/internal/command"
	"kintsugi/internal/target"
)

// coldTarget times `target add` in an empty store that already has the packages, and the first
// build on this target.
func (b *bench) coldTarget(ctx context.Context) error {
	fmt.Printf("\nnew target, packages already downloaded\n")
	if b.target.Origin != "debian" {
		fmt.Printf("  not measured: %s is made from local files\n", b.target.Name)
		return nil
	}
	cache, err := b.packagesAlone()
	if err != nil {
		return err
	}
	defer os.RemoveAll(cache)
	add := command.Cmd{Dir: b.work, Env: []string{"KINTSUGI_CACHE=" + cache}, Path: b.kintsugi,
		Args: []string{"target", "add", "-q", "debian:" + b.target.Release}}
	m, c, err := peak(ctx, add)
	if err != nil {
		return err
	}
	fmt.Printf("  %-30s %8.1f s, processor %.1f s on %d cores, load average %s    (to reach: 60 s)\n",
		"kintsugi target add", c.wall.Seconds(), c.cpu.Seconds(), runtime.NumCPU(), load())
	fmt.Printf("  %-30s %s    (to reach: itself below 300 MB)\n", "peak memory", m)
	return b.firstBuild(ctx, add)
}

// firstBuild times the build that asks kbuild. The answers are cached in the target, so later
// builds do not ask.
func (b *bench) firstBuild(ctx context.Context, build command.Cmd) error {
	patch, _, err := edits[0].patch(b.target.Source)
	if err != nil {
		return err
	}
	file := filepath.Join(b.work, "first.patch")
	if err := os.WriteFile(file, patch, 0o644); err != nil {
		return err
	}
	build.Args = []string{"build", "-q", "-t", b.target.Name, "-o", filepath.Join(b.work, "first"), file}
	c, err := timed(ctx, build)
	if err != nil {
		return err
	}
	fmt.Printf("  %-30s %8.1f s\n", "first build, "+edits[0].file, c.wall.Seconds())
	return nil
}

// packagesAlone creates a store that has only the package lists of the default store and the
// target's packages.
func (b *bench) packagesAlone() (string, error) {
	store, err := target.DefaultStore()
	if err != nil {
		return "", err
	}
	cache := filepath.Join(b.work, "cache")
	if err := os.CopyFS(filepath.Join(cache, "apt"), os.DirFS(filepath.Join(store.Dir, "apt"))); err != nil {
		return "", err
	}
	if err := os.Mkdir(filepath.Join(cache, "packages"), 0o755); err != nil {
		return "", err
	}
	for _, p := range b.target.Packages {
		data, err := os.ReadFile(filepath.Join(store.Dir, "packages", p.File))
		if err != nil {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(cache, "packages", p.File), data, 0o644); err != nil {
			return "", err
		}
	}
	return cache, nil
}
