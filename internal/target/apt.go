package target

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"kintsugi/internal/command"
	"kintsugi/internal/fault"
)

// apt is the machine's apt with lists and caches of our own, so that it needs
// no root and changes nothing of the system. Sources and keys are the
// system's: apt itself checks every signature and hash.
type apt struct {
	dir      string // lists, caches and configuration
	packages string // downloaded files
}

// aptConf goes on top of the system's configuration (apt.conf(5)). Hooks are
// cleared: they would work on the system's folders. The status file is empty,
// so that what is offered does not depend on what is installed. The binary
// caches, which container images switch off, make each question take a
// hundredth of a second in the place of one.
const aptConf = `Dir::State "%[1]s";
Dir::State::lists "lists/";
Dir::State::status "%[1]s/status";
Dir::Cache "%[1]s/cache";
Dir::Cache::archives "archives/";
Dir::Cache::pkgcache "pkgcache.bin";
Dir::Cache::srcpkgcache "srcpkgcache.bin";
APT::Architecture "amd64";
APT::Architectures { "amd64"; };
APT::Sandbox::User "root";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Acquire::IndexTargets::deb::DEP-11-icons::DefaultEnabled "false";
Acquire::http::Timeout "20";
Acquire::Retries "2";
`

func newApt(dir, packages string) (*apt, error) {
	if strings.ContainsAny(dir, "\"\n\\") {
		return nil, fault.Environmentf("apt cannot work in %q", dir).Hint("set KINTSUGI_CACHE")
	}
	for _, d := range []string{filepath.Join(dir, "lists/partial"), filepath.Join(dir, "cache/archives/partial"), packages} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return nil, environment(err)
		}
	}
	a := &apt{dir, packages}
	return a, errors.Join(writeFile(a.path("status"), nil), writeFile(a.path("apt.conf"), fmt.Appendf(nil, aptConf, dir)))
}

func (a *apt) path(name string) string { return filepath.Join(a.dir, name) }

func (a *apt) command(program string, args ...string) *command.Cmd {
	return &command.Cmd{Dir: a.packages, Path: program, Args: append([]string{"-c", a.path("apt.conf"), "-q"}, args...)}
}

// listsFresh is for how long package lists are believed without asking again.
const listsFresh = time.Hour

// update fetches the package lists, unless they are younger than maxAge. When
// that goes wrong the lists that are there will do: if they do not, the caller
// says so.
func (a *apt) update(ctx context.Context, maxAge time.Duration) error {
	stamp := a.path("updated")
	if info, err := os.Stat(stamp); err == nil && time.Since(info.ModTime()) < maxAge {
		return nil
	}
	out, err := a.command("apt-get", "update").Run(ctx)
	var failed *command.Error
	if err != nil && !errors.As(err, &failed) {
		return aptMissing(err)
	}
	problems := aptProblems(out)
	if err == nil && problems == nil {
		return writeFile(stamp, nil)
	}
	for _, line := range problems {
		slog.Warn("apt-get update", "message", line)
	}
	return nil
}

// aptMissing explains what to do on a machine that is not Debian.
func aptMissing(err error) error {
	var f *fault.Error
	if errors.As(err, &f) {
		f.Hint("without apt, add the kernel from files: --source, --config, --headers and --image")
	}
	return err
}

// aptProblems are the warnings and errors in apt's output.
func aptProblems(out []byte) []string {
	var lines []string
	for _, line := range strings.Split(string(out), "\n") {
		if strings.HasPrefix(line, "W: ") || strings.HasPrefix(line, "E: ") || strings.HasPrefix(line, "Err:") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

// kernels returns the kernels on offer, newest first, and the series of the
// one that the distribution installs.
func (a *apt) kernels(ctx context.Context) ([]kernel, string, error) {
	meta, err := a.show(ctx, "--no-all-versions", "linux-image-"+flavour)
	if err != nil {
		return nil, "", err
	}
	series, err := defaultSeries(meta)
	if err != nil {
		return nil, "", err
	}
	names, err := a.command("apt-cache", "search", "--names-only", "^linux-(image-[0-9].*-"+flavour+"|source-[0-9.]+)$").Stdout(ctx)
	if err != nil {
		return nil, "", err
	}
	var wanted []string
	for _, line := range strings.Split(string(names), "\n") {
		name, _, _ := strings.Cut(line, " ")
		if imageName.MatchString(name) || sourceName.MatchString(name) {
			wanted = append(wanted, name)
		}
	}
	if wanted == nil {
		return nil, series, nil
	}
	records, err := a.show(ctx, wanted...)
	return offers(records), series, err
}

// show returns the records of packages. Those that apt does not know are left
// out.
func (a *apt) show(ctx context.Context, packages ...string) ([]record, error) {
	out, err := a.command("apt-cache", append([]string{"show"}, packages...)...).Stdout(ctx)
	var failed *command.Error
	if errors.As(err, &failed) && bytes.Contains(failed.Output, []byte("E: No packages found")) {
		return nil, nil
	}
	return parseRecords(string(out)), aptError(err)
}

// aptError turns a failed run of apt into its own words.
func aptError(err error) error {
	var failed *command.Error
	if !errors.As(err, &failed) {
		return aptMissing(err)
	}
	return fault.Environmentf("%w: %s", err, strings.Join(aptProblems(failed.Output), "; "))
}

// locate returns file name, size and hash of packages given as NAME=VERSION.
func (a *apt) locate(ctx context.Context, packages []string) ([]Package, error) {
	cmd := a.command("apt-get", append([]string{"--print-uris", "download"}, packages...)...)
	cmd.Dir = a.dir // in the folder of the packages apt leaves out what is there
	out, err := cmd.Stdout(ctx)
	if err != nil {
		return nil, aptError(err)
	}
	files, err := parseURIs(string(out))
	if err != nil {
		return nil, err
	}
	if len(files) != len(packages) {
		return nil, fault.Environmentf("apt would download %d packages of the %d asked for", len(files), len(packages))
	}
	return files, nil
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
		parts := strings.Split(words[1], "_")
		if err != nil || !ok || len(parts) != 3 || strings.Contains(words[1], "/") {
			return nil, fault.Environmentf("unexpected line of apt-get --print-uris: %q", line)
		}
		files = append(files, Package{Name: parts[0], Version: strings.ReplaceAll(parts[1], "%3a", ":"), File: words[1], Size: size, SHA256: sum})
	}
	return files, nil
}

// download fetches the files that are not there yet. apt goes on where an
// interrupted download stopped.
func (a *apt) download(ctx context.Context, files []Package, progress Progress) error {
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
	cmd.Output = &aptStatus{progress: progress, total: total}
	if _, err := cmd.Run(ctx); err != nil {
		return aptError(err)
	}
	for _, f := range files {
		if ok, err := a.complete(f); err != nil || !ok {
			return errors.Join(err, fault.Environmentf("%s was not downloaded whole", f.File).Hint("run the command again"))
		}
	}
	return nil
}

// complete tells whether a file was downloaded to its end. One that is
// complete but not what it should be is deleted.
func (a *apt) complete(f Package) (bool, error) {
	path := filepath.Join(a.packages, f.File)
	if info, err := os.Stat(path); err != nil || info.Size() < f.Size {
		return false, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return false, environment(err)
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return false, environment(err)
	}
	if hex.EncodeToString(hash.Sum(nil)) == f.SHA256 {
		return true, nil
	}
	return false, environment(os.Remove(path))
}

// aptStatus reads apt's progress lines, "dlstatus:2:11.0436:Retrieving file 2
// of 2", whose third field is a percentage (apt's README.progress-reporting).
type aptStatus struct {
	progress Progress
	total    int64
	rest     []byte
}

func (s *aptStatus) Write(p []byte) (int, error) {
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
