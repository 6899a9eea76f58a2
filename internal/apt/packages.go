package apt

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"kintsugi/internal/disk"
	"kintsugi/internal/fault"
)

// Package is one Debian package file.
type Package struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	File    string `json:"file"`
	Size    int64  `json:"size"`
	SHA256  string `json:"sha256"`
}

// Progress is called with the progress of a step: done of total bytes, or zeros if
// unknown. Several goroutines can call it.
type Progress func(step string, done, total int64)

// Step reports the beginning of a step of unknown length.
func (p Progress) Step(name string) {
	if p != nil {
		p(name, 0, 0)
	}
}

// Locate returns file name, size and hash of packages given as NAME=VERSION.
func (a *Client) Locate(ctx context.Context, packages []string) ([]Package, error) {
	files, err := a.uris(ctx, append([]string{"download"}, packages...))
	if err == nil && len(files) != len(packages) {
		err = fault.Environmentf("apt would download %d packages of %d", len(files), len(packages))
	}
	return files, err
}

// Closure returns the packages, NAME or NAME=VERSION, with all their dependencies.
func (a *Client) Closure(ctx context.Context, packages []string) ([]Package, error) {
	return a.uris(ctx, append([]string{"-y", "--no-install-recommends", "install"}, packages...))
}

// uris runs apt-get with --print-uris, in a folder without packages: apt omits
// packages that the folder has.
func (a *Client) uris(ctx context.Context, args []string) ([]Package, error) {
	cmd := a.command("apt-get", append([]string{"--print-uris", "-o", "Dir::Cache::archives=none/"}, args...)...)
	cmd.Dir = a.dir
	out, err := cmd.Stdout(ctx)
	if err != nil {
		return nil, failure(err)
	}
	return parseURIs(string(out))
}

// parseURIs reads the lines of --print-uris: 'URI' file size SHA256:hash.
func parseURIs(out string) ([]Package, error) {
	var files []Package
	for _, line := range strings.Split(out, "\n") {
		words := strings.Fields(line)
		if len(words) != 4 || !strings.HasPrefix(line, "'") {
			continue
		}
		size, err := strconv.ParseInt(words[2], 10, 64)
		sum, ok := strings.CutPrefix(words[3], "SHA256:")
		name, version, named := fileName(words[1])
		if err != nil || !ok || !named {
			return nil, fault.Environmentf("unexpected line of apt-get --print-uris: %q", line)
		}
		files = append(files, Package{Name: name, Version: version, File: words[1], Size: size, SHA256: sum})
	}
	return files, nil
}

// fileName splits the name of a package's file, NAME_VERSION_ARCH.deb, or of its source
// package's packaging, NAME_VERSION.debian.tar.xz.
func fileName(file string) (name, version string, ok bool) {
	parts := strings.Split(file, "_")
	if packaging, is := strings.CutSuffix(file, packagingSuffix); is {
		parts = append(strings.Split(packaging, "_"), "source")
	}
	if len(parts) != 3 || strings.Contains(file, "/") {
		return "", "", false
	}
	return parts[0], strings.ReplaceAll(parts[1], "%3a", ":"), true
}

// Download fetches missing files. apt resumes an interrupted download.
func (a *Client) Download(ctx context.Context, files []Package, progress Progress) error {
	var want []string
	var total int64
	for _, f := range files {
		ok, err := a.complete(f)
		if err != nil {
			return err
		}
		if !ok {
			want = append(want, f.Name+"="+f.Version)
			total += f.Size
			slog.Info("download", "package", f.Name, "version", f.Version, "bytes", f.Size)
		}
	}
	if want == nil {
		return nil
	}
	cmd := a.command("apt-get", append([]string{"-o", "APT::Status-Fd=1", "download"}, want...)...)
	cmd.Output = &status{progress: progress, total: total}
	if _, err := cmd.Run(ctx); err != nil {
		return failure(err)
	}
	for _, f := range files {
		if ok, err := a.complete(f); err != nil || !ok {
			return errors.Join(err, fault.Environmentf("%s was not downloaded completely", f.File).Hint("run the command again"))
		}
	}
	return nil
}

// complete reports whether a file was downloaded completely. It deletes a file of full
// size with wrong contents.
func (a *Client) complete(f Package) (bool, error) {
	path := filepath.Join(a.packages, f.File)
	if info, err := os.Stat(path); err != nil || info.Size() < f.Size {
		return false, nil
	}
	sum, err := disk.SHA256(path)
	if err != nil {
		return false, disk.Fault(err)
	}
	if sum == f.SHA256 {
		return true, nil
	}
	return false, disk.Fault(os.Remove(path))
}

// status reads apt's progress lines, "dlstatus:2:11.0436:Retrieving file 2
// of 2", whose third field is a percentage (apt's README.progress-reporting).
type status struct {
	progress Progress
	total    int64
	rest     []byte
}

func (s *status) Write(p []byte) (int, error) {
	s.rest = append(s.rest, p...)
	for {
		line, rest, ok := bytes.Cut(s.rest, []byte("\n"))
		if !ok {
			return len(p), nil
		}
		s.rest = rest
		fields := strings.SplitN(string(line), ":", 4)
		if len(fields) != 4 || fields[0] != "dlstatus" || s.progress == nil {
			continue
		}
		if percent, err := strconv.ParseFloat(fields[2], 64); err == nil {
			s.progress("download", int64(percent/100*float64(s.total)), s.total)
		}
	}
}
