package target

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"kintsugi/internal/arch"
	"kintsugi/internal/cage"
	"kintsugi/internal/disk"
	"kintsugi/internal/fault"
	"kintsugi/internal/kconfig"
	"kintsugi/internal/kimage"
	"kintsugi/internal/target/prepare"
)

// A target's folder:
//
//	target.json   its description, written last
//	source/       the prepared tree
//	config        the configuration as shipped
//	vmlinuz       the image as shipped (local targets)
//	vmlinux       the kernel unpacked from it
//	modules/      modules out of a build folder (local targets)
//	root/         Debian's packages unpacked: boot, lib/modules, usr/src (headers)

// create makes the target name with fill, unless it exists and same accepts it. A
// half-made target of another process is made again, as nothing shows which of its
// files are complete.
func (s *Store) create(ctx context.Context, name string, same func(*Target) error, fill func(*Target) error) (*Target,
	error) {
	dir := s.targetDir(name)
	if err := checkPlace(name, dir); err != nil {
		return nil, err
	}
	if t, err := made(dir, same); t != nil || err != nil { // builds that use it hold the lock
		return t, err
	}
	unlock, err := disk.Lock(ctx, dir+".lock")
	if err != nil {
		return nil, err
	}
	defer unlock()
	if t, err := made(dir, same); t != nil || err != nil {
		return t, err
	}
	if err := removeTarget(dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, disk.Fault(err)
	}
	t := &Target{Name: name, Arch: arch.OfTargets().Name, Dir: dir}
	t.Source, t.Vmlinux = filepath.Join(dir, "source"), filepath.Join(dir, "vmlinux")
	t.Config = filepath.Join(dir, "config")
	if err := fill(t); err != nil {
		if removeErr := removeTarget(dir); removeErr != nil {
			slog.Warn("half-made target left", "dir", dir, "error", removeErr)
		}
		return nil, err
	}
	return t, t.save()
}

// made returns the target in dir if same accepts it, nil if there is none.
func made(dir string, same func(*Target) error) (*Target, error) {
	t, err := load(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return t, same(t)
}

// checkPlace refuses names and folders that a target cannot have.
func checkPlace(name, dir string) error {
	if err := checkName(name); err != nil {
		return err
	}
	if strings.ContainsAny(dir, " \t\n:") { // the kernel's top Makefile refuses it
		return fault.Environmentf("make cannot work in %q", dir).
			Hint("set KINTSUGI_CACHE to a path without spaces and colons")
	}
	return nil
}

// checkSpace refuses to begin if the disk has less than need bytes left.
func (s *Store) checkSpace(need int64) error {
	var stat unix.Statfs_t
	if err := unix.Statfs(s.Dir, &stat); err != nil {
		return nil // the following write reports the fault better
	}
	if free := int64(stat.Bavail) * stat.Bsize; free < need {
		return fault.Environmentf("%s has %d MB left, a target needs %d MB", s.Dir, free>>20, need>>20).
			Hint("set KINTSUGI_CACHE to a folder on a larger disk")
	}
	return nil
}

// readConfig reads the shipped configuration. It refuses kernels for which kintsugi
// cannot make livepatches.
func (t *Target) readConfig() error {
	text, err := os.ReadFile(t.Config)
	if err != nil {
		return input(err)
	}
	config, err := kconfig.Parse(text)
	if err != nil {
		return fault.Inputf("configuration: %w", err)
	}
	if err := checkConfig(config); err != nil {
		return err
	}
	if t.CC, err = compilerCommand(config); err != nil {
		return err
	}
	t.Compiler, t.Rust = config.Text("CC_VERSION_TEXT"), config.Yes("RUST")
	return nil
}

// readImage unpacks the image and reads the kernel's identity.
func (t *Target) readImage() (identity, error) {
	file, err := os.ReadFile(t.Image)
	if err != nil {
		return identity{}, input(err)
	}
	vmlinux, err := kimage.Unpack(file)
	if err != nil {
		return identity{}, err
	}
	image, err := kimage.Parse(vmlinux)
	if err != nil {
		return identity{}, err
	}
	t.Banner, t.Release = image.Banner, image.Release()
	id, err := parseBanner(image.Banner)
	if err != nil {
		return identity{}, err
	}
	return id, disk.WriteFile(t.Vmlinux, vmlinux)
}

// checkParts refuses parts that do not belong together. It sets the make variables
// with which the source gives the shipped headers.
func (t *Target) checkParts(id identity) error {
	makefile, err := os.ReadFile(filepath.Join(t.Source, "Makefile"))
	if err != nil {
		return fault.Inputf("source: %w", err)
	}
	version, err := makefileVersion(makefile)
	if err != nil {
		return err
	}
	if t.Version == "" {
		t.Version = version
	}
	if err := checkHeaders(t.Headers); err != nil {
		return err
	}
	if err := checkSymvers(t.Headers); err != nil {
		return err
	}
	release, err := headersRelease(t.Headers)
	if err != nil {
		return err
	}
	if err := checkBanner(id, t.Compiler, version, release); err != nil {
		return err
	}
	if t.Modules != "" {
		if err := checkModules(t.Modules, id.Release); err != nil {
			return err
		}
	}
	t.MakeVars = append(id.makeVars(), distributionVars(t.Headers)...)
	t.Symvers = filepath.Join(t.Headers, "Module.symvers")
	t.HeadersSum, err = hashHeaders(t.Headers)
	return err
}

// prepare builds the files that compiling a unit of the source needs.
func (t *Target) prepare(ctx context.Context, progress Progress) error {
	progress.Step("prepare")
	c, err := t.addingCage(ctx)
	if err != nil {
		return err
	}
	c.Writes, c.Limits = true, cage.PrepareLimits
	return prepare.Tree(ctx, prepare.Spec{Tree: t.Source, Config: t.Config, CC: t.CC, Vars: t.MakeVars, Cage: c})
}
