// Package apt asks Debian's archive for packages. It runs the machine's apt
// client with lists, caches and sources of kintsugi's own, so that it needs no
// root and changes nothing of the system. apt itself checks every signature
// and every hash.
package apt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"kintsugi/internal/arch"
	"kintsugi/internal/command"
	"kintsugi/internal/disk"
	"kintsugi/internal/fault"
)

// Client is apt with folders of its own, for one suite.
type Client struct {
	Suite    Suite
	dir      string // lists, caches and configuration
	packages string // downloaded files
}

// conf is added to the system's configuration (apt.conf(5)). Hooks are cleared, since
// they would change the system's folders. The status file is empty, so that installed
// packages do not affect what is offered. The binary caches, which container images
// switch off, speed up each query from a second to a hundredth of a second. ForceHash
// makes apt print that hash even if it has checked another.
const conf = `Dir::State "%[1]s";
Dir::State::lists "lists/";
Dir::State::status "%[1]s/status";
Dir::Cache "%[1]s/cache";
Dir::Cache::archives "archives/";
Dir::Cache::pkgcache "pkgcache.bin";
Dir::Cache::srcpkgcache "srcpkgcache.bin";
Dir::Etc::sourcelist "%[1]s/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
APT::Architecture "%[2]s";
APT::Architectures { "%[2]s"; };
APT::Sandbox::User "root";
#clear APT::Default-Release;
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
Acquire::Languages "none";
Acquire::ForceHash "SHA256";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Acquire::IndexTargets::deb::DEP-11-icons::DefaultEnabled "false";
Acquire::http::Timeout "20";
Acquire::Retries "2";
`

// New returns a client for a suite. Its lists and caches are in dir, the packages
// that it downloads in packages.
func New(dir, packages string, suite Suite) (*Client, error) {
	if strings.ContainsAny(dir, "\"\n\\") {
		return nil, fault.Environmentf("apt cannot work in %q", dir).Hint("set KINTSUGI_CACHE")
	}
	sources, err := suite.sources(hostMirror("/"))
	if err != nil {
		return nil, err
	}
	for _, d := range []string{filepath.Join(dir, "lists/partial"), filepath.Join(dir, "cache/archives/partial"),
		packages} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return nil, disk.Fault(err)
		}
	}
	a := &Client{suite, dir, packages}
	return a, errors.Join(a.write("status", ""), a.write("sources.list", sources),
		a.write("apt.conf", fmt.Sprintf(conf, dir, arch.OfTargets().Debian.Name)))
}

// write puts a text into the client's folder. A file with the same text is not
// touched, as apt reads its time. Lists from before a change are not fresh.
func (a *Client) write(name, text string) error {
	if old, err := os.ReadFile(a.path(name)); err == nil && string(old) == text {
		return nil
	}
	if err := os.RemoveAll(a.path("updated")); err != nil {
		return disk.Fault(err)
	}
	return disk.WriteFile(a.path(name), []byte(text))
}

func (a *Client) path(name string) string { return filepath.Join(a.dir, name) }

func (a *Client) command(program string, args ...string) *command.Cmd {
	return &command.Cmd{Dir: a.packages, Path: program, Args: append([]string{"-c", a.path("apt.conf"), "-q"}, args...)}
}

// Fresh is the age up to which package lists are used without fetching them again.
const Fresh = time.Hour

// Update fetches the package lists, unless they are younger than maxAge. If that
// fails, the existing lists are used. If these do not suffice, the caller's query
// fails.
func (a *Client) Update(ctx context.Context, maxAge time.Duration) error {
	stamp := a.path("updated")
	if info, err := os.Stat(stamp); err == nil && time.Since(info.ModTime()) < maxAge {
		return nil
	}
	out, err := a.command("apt-get", "update").Run(ctx)
	var failed *command.Error
	if err != nil && !errors.As(err, &failed) {
		return missing(err)
	}
	problems := problems(out)
	if err == nil && problems == nil {
		return disk.WriteFile(stamp, nil)
	}
	for _, line := range problems {
		slog.Warn("apt-get update", "suite", a.Suite.Name, "message", line)
	}
	return nil
}

// missing explains what to do on a machine without apt.
func missing(err error) error {
	var f *fault.Error
	if errors.As(err, &f) {
		f.Hint("without apt, add the kernel from files: --source, --config, --headers and --image")
	}
	return err
}

// problems are the warnings and errors in apt's output.
func problems(out []byte) []string {
	var lines []string
	for _, line := range strings.Split(string(out), "\n") {
		if strings.HasPrefix(line, "W: ") || strings.HasPrefix(line, "E: ") || strings.HasPrefix(line, "Err:") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

// failure makes an error of apt's own messages from a failed run.
func failure(err error) error {
	var failed *command.Error
	if !errors.As(err, &failed) {
		return missing(err)
	}
	return fault.Environmentf("%w: %s", err, strings.Join(problems(failed.Output), "; "))
}

// Search returns the names of the packages that match a regular expression.
func (a *Client) Search(ctx context.Context, expression string) ([]string, error) {
	out, err := a.command("apt-cache", "search", "--names-only", expression).Stdout(ctx)
	if err != nil {
		return nil, failure(err)
	}
	var names []string
	for _, line := range strings.Split(string(out), "\n") {
		if name, _, ok := strings.Cut(line, " "); ok {
			names = append(names, name)
		}
	}
	return names, nil
}

// Show returns the records of packages: all versions, or the version in the name
// (NAME=VERSION). It omits packages that apt does not know.
func (a *Client) Show(ctx context.Context, packages ...string) ([]Record, error) {
	out, err := a.command("apt-cache", append([]string{"show", "--all-versions"}, packages...)...).Stdout(ctx)
	return a.records(out, err)
}

// Newest returns the record of the version of a package that apt would install, nil
// if apt does not know the package.
func (a *Client) Newest(ctx context.Context, name string) ([]Record, error) {
	out, err := a.command("apt-cache", "show", "--no-all-versions", name).Stdout(ctx)
	return a.records(out, err)
}

func (a *Client) records(out []byte, err error) ([]Record, error) {
	var failed *command.Error
	if errors.As(err, &failed) && bytes.Contains(failed.Output, []byte("E: No packages found")) {
		return nil, nil
	}
	if err != nil {
		return nil, failure(err)
	}
	return ParseRecords(string(out)), nil
}
