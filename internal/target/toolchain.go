package target

import (
	"cmp"
	"context"
	"log/slog"
	"os"
	"path/filepath"

	"kintsugi/internal/apt"
	"kintsugi/internal/cage"
	"kintsugi/internal/fault"
	"kintsugi/internal/toolchain"
)

// Toolchains is the store's folder of Debian's toolchains.
func (s *Store) Toolchains() *toolchain.Store {
	return &toolchain.Store{Dir: filepath.Join(s.Dir, "toolchains"), Packages: s.packagesDir()}
}

// takeToolchain sets the toolchain of t: the one that the user chose, else the programs
// of this machine if they include the kernel's compiler, else those of the kernel's
// suite. It refuses a toolchain without the kernel's compiler. suite is empty if the
// kernel is not Debian's.
func (s *Store) takeToolchain(ctx context.Context, t *Target, suite string, progress Progress) error {
	spec := s.Toolchain
	if spec.Kind == "" {
		err := t.takeHost(ctx)
		if err == nil || suite == "" {
			return err
		}
		slog.Info("this machine cannot compile the kernel, its tools are fetched", "reason", err)
		spec.Kind = toolchain.Debian
	}
	switch spec.Kind {
	case toolchain.Debian:
		if err := s.unpackToolchain(ctx, t, cmp.Or(spec.Suite, suite), progress); err != nil {
			return err
		}
	case toolchain.Folder:
		if _, err := os.Stat(filepath.Join(spec.Root, "usr/bin")); err != nil {
			return fault.Inputf("--toolchain: %w", err).Hint("use the root of a system: the folder that has usr/bin")
		}
		t.Toolchain = &toolchain.Toolchain{Name: filepath.Base(spec.Root), Kind: toolchain.Folder, Root: spec.Root}
	default:
		return t.takeHost(ctx)
	}
	return t.checkToolchain(ctx)
}

// takeHost sets the programs of this machine as t's toolchain.
func (t *Target) takeHost(ctx context.Context) error {
	host := toolchain.OfHost
	t.Toolchain = &host
	return t.checkToolchain(ctx)
}

func (t *Target) checkToolchain(ctx context.Context) error {
	c, err := t.addingCage(ctx)
	if err != nil {
		return err
	}
	c.Source, c.Read = "", nil // the compiler alone is asked
	return checkCompiler(ctx, c, t.CC, t.Compiler)
}

// unpackToolchain returns the toolchain of a suite of Debian, unpacked.
func (s *Store) unpackToolchain(ctx context.Context, t *Target, name string, progress Progress) error {
	suite, ok := apt.FindSuite(name)
	if !ok {
		return fault.Inputf("the kernel is not from a suite of Debian, which would decide about its toolchain").
			Hint("choose one with --toolchain debian:SUITE, --toolchain DIR or --toolchain host")
	}
	if suite.Base != "" {
		suite, _ = apt.FindSuite(suite.Base)
	}
	client, unlock, err := s.lockApt(ctx, suite)
	if err != nil {
		return err
	}
	defer unlock()
	need := toolchain.Need{CC: t.CC, Text: t.Compiler, Rust: t.Rust}
	t.Toolchain, err = s.Toolchains().Add(ctx, client, need, s.Toolchain.Version, progress)
	return err
}

// ofHost reports whether the target is compiled with the programs of this machine.
func (t *Target) ofHost() bool { return t.Toolchain == nil || t.Toolchain.Kind == toolchain.Host }

// addingCage is the cage of programs while the target is made. The source is trusted,
// so that a machine without bubblewrap can have targets of its own toolchain.
func (t *Target) addingCage(ctx context.Context) (cage.Cage, error) {
	return t.Cage(ctx, "", cage.Options{None: t.ofHost()})
}

// Cage is the cage of the target's programs. They can write only to work.
func (t *Target) Cage(ctx context.Context, work string, opts cage.Options) (cage.Cage, error) {
	root := "/"
	if !t.ofHost() {
		root = t.Toolchain.Root
	}
	kind, err := cage.Choose(ctx, root, opts.None)
	if err != nil {
		return cage.Cage{}, err
	}
	c := cage.Cage{Kind: kind, Root: root, Source: t.Source, Work: work, Read: t.readable(), Limits: cage.DefaultLimits}
	if opts.Memory > 0 {
		c.Limits.Memory = opts.Memory
	}
	return c, nil
}

// readable are the folders outside the source that the target's build reads: its
// headers, the folder and source that these were built from, and the folder of a host
// compiler that is not in a system folder.
func (t *Target) readable() []string {
	var dirs []string
	if bin := filepath.Dir(t.CC); filepath.IsAbs(bin) && filepath.Dir(bin) != "/" {
		dirs = append(dirs, filepath.Dir(bin))
	}
	for _, dir := range []string{t.Headers, filepath.Join(t.Dir, "root"), sourceOf(t.Headers)} {
		if _, err := os.Stat(dir); err == nil && dir != "" {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}
