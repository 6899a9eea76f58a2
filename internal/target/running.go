package target

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"kintsugi/internal/apt"
	"kintsugi/internal/fault"
)

// Running is the NAME of `target add NAME` for the running kernel.
const Running = "running"

// machine is the machine of the running kernel.
type machine struct {
	root string // "/", except in tests
	id   identity
}

// AddRunning makes a target of the kernel that runs on the machine whose files are
// below root, named by its release. It uses the installed image, headers and modules.
// It uses the installed source if Debian's package has the kernel's version, else it
// fetches that package. An existing target of any origin is returned.
func (s *Store) AddRunning(ctx context.Context, root string, progress Progress) (*Target, error) {
	banner, err := runningBanner(root)
	if err != nil {
		return nil, fault.Environmentf("running kernel: %w", err)
	}
	id, err := parseBanner(banner)
	if err != nil {
		return nil, err
	}
	same := func(t *Target) error { return t.checkBuild(banner) }
	if t, err := load(s.targetDir(id.Release)); err == nil {
		return t, same(t)
	}
	m := machine{root, id}
	spec, err := m.parts(banner)
	if err != nil {
		return nil, err
	}
	from := provenance{origin: Running}
	_, from.version = m.sourcePackage()
	if spec.Source == "" {
		if spec.Source, from.packages, err = s.runningSource(ctx, m, spec, progress); err != nil {
			return nil, err
		}
	}
	return s.addLocal(ctx, spec, from, same, progress)
}

// runningBanner is /proc/version, which has the text of the image's banner
// (fs/proc/version.c).
func runningBanner(root string) (string, error) {
	text, err := os.ReadFile(filepath.Join(root, "proc/version"))
	return strings.TrimSpace(string(text)), err
}

// checkBuild refuses a target that is another build of the running kernel's release.
func (t *Target) checkBuild(banner string) error {
	if t.Banner == banner {
		return t.checkUnchanged()
	}
	return fault.Inputf("target %s is another build: %q, running is %q", t.Name, t.Banner, banner).
		Hint("kintsugi target rm %s", t.Name)
}

// parts finds the installed files. The source is empty if it is not installed.
func (m machine) parts(banner string) (LocalSpec, error) {
	release := m.id.Release
	spec := LocalSpec{Name: release}
	spec.Modules = existing(m.root, "lib/modules/"+release, "usr/lib/modules/"+release)
	spec.Image = existing(m.root, "boot/vmlinuz-"+release, "lib/modules/"+release+"/vmlinuz", "usr/lib/modules/"+release+
		"/vmlinuz")
	if spec.Image == "" {
		return spec, fault.Environmentf("the image of the running kernel %s is not installed: no boot/vmlinuz-%[1]s",
			release).
			Hint("in a container, add a target for the host's kernel by its own files")
	}
	if err := checkRunning(spec.Image, banner); err != nil {
		return spec, err
	}
	if spec.Headers = m.headers(spec.Modules); spec.Headers == "" {
		return spec, fault.Environmentf("the headers of the running kernel %s are not installed", release).
			Hint("apt-get install linux-headers-%s", release)
	}
	// Debian removes symbols from the copy in boot.
	spec.Config = existing("", filepath.Join(spec.Headers, ".config"), filepath.Join(m.root, "boot/config-"+release))
	spec.Source = first(m.installedSource(), sourceOf(spec.Headers), m.follow(spec.Modules, "source"))
	return spec, nil
}

// headers is the folder that modules are built against, empty if not installed.
func (m machine) headers(modules string) string {
	for _, dir := range []string{m.follow(modules, "build"), existing(m.root, "usr/src/linux-headers-"+m.id.Release)} {
		if isBuild(dir) {
			return dir
		}
	}
	return ""
}

// follow is the target of a link among the modules, on the machine at root. It is
// empty if the target does not exist.
func (m machine) follow(modules, name string) string {
	link, err := os.Readlink(filepath.Join(modules, name))
	if modules == "" || err != nil {
		return ""
	}
	if filepath.IsAbs(link) {
		return existing(m.root, link)
	}
	return existing(modules, link)
}

// checkRunning refuses an image that is not the running kernel's, as on a machine
// that was upgraded but not rebooted.
func checkRunning(path, banner string) error {
	have, err := imageBanner(path)
	if errors.Is(err, fs.ErrPermission) {
		return fault.Environmentf("image of the running kernel: %w", err).Hint("run this command as root")
	}
	if err != nil {
		return err
	}
	if have != banner {
		return fault.Environmentf("the running kernel is not the installed one: running is %q, %s has %q", banner, path,
			have).
			Hint("the machine was upgraded and not rebooted: reboot, then add the target again")
	}
	return nil
}

// seriesForm matches the begin of a release: 6.1.
var seriesForm = regexp.MustCompile(`^[0-9]+\.[0-9]+`)

// sourcePackage names Debian's package of the running kernel's source. It is empty if
// the kernel is not Debian's.
func (m machine) sourcePackage() (name, version string) {
	series := seriesForm.FindString(m.id.Release)
	if version = m.id.debianVersion(); version == "" || series == "" {
		return "", ""
	}
	return "linux-source-" + series, version
}

// installedSource is the tarball of Debian's source package, if the package is
// installed in the kernel's version.
func (m machine) installedSource() string {
	name, version := m.sourcePackage()
	if name == "" {
		return ""
	}
	status, err := os.ReadFile(filepath.Join(m.root, "var/lib/dpkg/status"))
	if err != nil {
		return ""
	}
	installed := slices.IndexFunc(apt.ParseRecords(string(status)), func(r apt.Record) bool {
		return r["Package"] == name && r["Version"] == version && r["Status"] == "install ok installed"
	})
	if installed < 0 {
		return ""
	}
	return existing(m.root, "usr/src/"+name+".tar.xz")
}

// runningSource fetches the source package of the running kernel. It returns the
// package's file, for fillLocal to unpack.
func (s *Store) runningSource(ctx context.Context, m machine, spec LocalSpec, progress Progress) (string, []Package,
	error) {
	name, version := m.sourcePackage()
	if name == "" {
		return "", nil, fault.Environmentf("the source of the running kernel %s is unknown: it is neither Debian's nor "+
			"beside its headers", m.id.Release).
			Hint("kintsugi target add %s --source DIR|TAR --config %s --headers %s --image %s --modules %s",
				m.id.Release, spec.Config, spec.Headers, spec.Image, spec.Modules)
	}
	slog.Info("source is not installed, or of another version", "package", name, "want", version)
	files, err := s.fetchSource(ctx,
		DebianRelease{Release: m.id.Release, Version: version, Series: strings.TrimPrefix(name, "linux-source-")}, progress)
	if err != nil {
		var f *fault.Error
		if errors.As(err, &f) {
			f.Hint("install %s of version %s by hand, then add the target again", name, version)
		}
		return "", nil, err
	}
	return filepath.Join(s.packagesDir(), files[0].File), files, nil
}
