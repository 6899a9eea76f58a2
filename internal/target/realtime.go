package target

import (
	"bufio"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"kintsugi/internal/apt"
	"kintsugi/internal/command"
	"kintsugi/internal/disk"
	"kintsugi/internal/fault"
)

// patchedForRealtime reports whether k was built with patches that linux-source lacks:
// those for PREEMPT_RT, in debian/patches-rt of the source package (debian/rules.real).
// Since 6.12 they are part of the kernel.
func (k kernel) patchedForRealtime() bool {
	return strings.HasPrefix(k.Flavour, "rt-") && apt.CompareVersions(k.Series, "6.12") < 0
}

// fetchPackaging downloads the packaging of k's source package if k needs patches of it.
func (s *Store) fetchPackaging(ctx context.Context, suite apt.Suite, k kernel, progress Progress) ([]Package, error) {
	if !k.patchedForRealtime() {
		return nil, nil
	}
	progress.Step("source package lists")
	a, unlock, err := s.lockApt(ctx, suite.WithSources())
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := a.Update(ctx, apt.Fresh); err != nil {
		return nil, err
	}
	p, err := a.Packaging(ctx, "linux", k.Version)
	var f *fault.Error
	if errors.As(err, &f) {
		f.Hint("%s was built with patches of that file; try an older release: kintsugi target add debian:RELEASE", k.Release)
	}
	return []Package{p}, err
}

// patchRealtime applies the series of debian/patches-rt to the source, without fuzz as
// Debian's own build does.
func (t *Target) patchRealtime(ctx context.Context, packaging string) error {
	temp := filepath.Join(t.Dir, "packaging")
	if err := os.MkdirAll(temp, 0o755); err != nil {
		return disk.Fault(err)
	}
	tar := &command.Cmd{Path: "tar", Args: []string{"-x", "-f", packaging, "-C", temp, "--no-same-owner",
		"--force-local", "debian/patches-rt"}}
	if _, err := tar.Run(ctx); err != nil {
		return unpackError(filepath.Base(packaging), err, fault.Environment)
	}
	dir := filepath.Join(temp, "debian/patches-rt")
	names, err := readSeries(filepath.Join(dir, "series"))
	if err != nil {
		return fault.Environmentf("%s: %w", filepath.Base(packaging), err)
	}
	for _, name := range names {
		patch := &command.Cmd{Path: "patch", Args: []string{"-p1", "-F0", "-f", "-s", "--no-backup-if-mismatch",
			"-d", t.Source, "-i", filepath.Join(dir, name)}}
		if out, err := patch.Run(ctx); err != nil {
			return patchError(name, string(out), err)
		}
	}
	return disk.Fault(os.RemoveAll(temp))
}

// patchError explains a failed run of patch(1).
func patchError(name, out string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fault.Environmentf("%w", err).Hint("apt-get install patch")
	}
	return fault.Environmentf("real-time patch %s does not apply to linux-source: %w: %s", name, err,
		strings.TrimSpace(out))
}

// readSeries returns the patches of a quilt series, in order.
func readSeries(file string) ([]string, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var names []string
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line, _, _ := strings.Cut(lines.Text(), "#")
		name := strings.TrimSpace(line)
		if name == "" {
			continue
		}
		if !filepath.IsLocal(name) || len(strings.Fields(name)) != 1 {
			return nil, fault.Environmentf("unexpected line of a series: %q", lines.Text())
		}
		names = append(names, name)
	}
	return names, lines.Err()
}
