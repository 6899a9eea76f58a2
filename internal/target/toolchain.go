package target

import (
	"context"
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

// hostToolchain reports whether Debian's kernels are compiled with what is
// installed here.
func (s *Store) hostToolchain() bool {
	return s.Toolchain.Kind == "" || s.Toolchain.Kind == toolchain.Host
}

// takeToolchain gives t the toolchain that the store's user asked for, and
// refuses one that has not the compiler that the kernel was built with. suite
// is the one that the kernel is from, empty if it is not Debian's.
func (s *Store) takeToolchain(ctx context.Context, t *Target, suite string, progress Progress) error {
	spec := s.Toolchain
	switch spec.Kind {
	case toolchain.Debian:
		if spec.Suite != "" {
			suite = spec.Suite
		}
		if err := s.unpackToolchain(ctx, t, suite, progress); err != nil {
			return err
		}
	case toolchain.Folder:
		if _, err := os.Stat(filepath.Join(spec.Root, "usr/bin")); err != nil {
			return fault.Inputf("--toolchain: %w", err).Hint("give the root of a system: the folder that has usr/bin in it")
		}
		t.Toolchain = &toolchain.Toolchain{Name: filepath.Base(spec.Root), Kind: toolchain.Folder, Root: spec.Root}
	default:
		host := toolchain.OfHost
		t.Toolchain = &host
	}
	c, err := t.addingCage(ctx)
	if err != nil {
		return err
	}
	c.Source, c.Read = "", nil // the compiler alone is asked
	return checkCompiler(ctx, c, t.CC, t.Compiler)
}

// unpackToolchain takes the toolchain of a suite of Debian.
func (s *Store) unpackToolchain(ctx context.Context, t *Target, name string, progress Progress) error {
	suite, ok := apt.FindSuite(name)
	if !ok {
		return fault.Inputf("the kernel is not from a suite of Debian: there is no toolchain to choose by itself").
			Hint("--toolchain debian:SUITE, --toolchain DIR or --toolchain host")
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

// ofHost reports whether the target is compiled with what is installed here.
func (t *Target) ofHost() bool { return t.Toolchain == nil || t.Toolchain.Kind == toolchain.Host }

// addingCage is what programs run in while the target is made. Its source is
// trusted, so that a machine without a cage can have targets of its own toolchain.
func (t *Target) addingCage(ctx context.Context) (cage.Cage, error) {
	return t.Cage(ctx, "", cage.Options{None: t.ofHost()})
}

// Cage is what programs of the target run in, with work as the one folder that
// they write to.
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

// readable are the folders outside of the source that the target's build reads:
// its headers, where they were built, their source, and a compiler of the host
// in a folder of its own.
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
