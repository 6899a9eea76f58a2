package target

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"kintsugi/internal/disk"
	"kintsugi/internal/fault"
)

// LocalSpec names the files that a local target is made from. Source, config, image,
// and modules in their build folder are copied. Headers, other modules and debug
// vmlinux can be huge and are only read, so they are used in their place, like the
// compiler. Whenever the target is opened, the headers are checked for changes.
//
// If source or headers are the folder of a kernel's build, missing files are taken
// from there.
type LocalSpec struct {
	Name         string `json:"-"`
	Source       string `json:"source"`            // a kernel's source tree, or a tarball of one
	Config       string `json:"config"`            // the .config
	Headers      string `json:"headers"`           // folder for make -C: headers package or build folder
	Image        string `json:"image"`             // bzImage or vmlinux
	Modules      string `json:"modules,omitempty"` // lib/modules/RELEASE or build folder
	DebugVmlinux string `json:"debug_vmlinux,omitempty"`
	// hashes of the copied files
	ConfigSum string `json:"config_sha256"`
	ImageSum  string `json:"image_sha256"`
}

// localNeed is the disk space of a prepared source tree, in bytes.
const localNeed = 1800 << 20

// AddLocal makes a target from files of this machine, and never writes to them. If a
// target of that name was made from the same files, it is returned; later changes of
// the source are not noticed.
func (s *Store) AddLocal(ctx context.Context, spec LocalSpec, progress Progress) (*Target, error) {
	if _, debian := IsDebian(spec.Name); debian || spec.Name == Running {
		return nil, fault.Inputf("the name %s is reserved for a kernel that kintsugi finds by itself", spec.Name)
	}
	if err := spec.complete(); err != nil {
		return nil, err
	}
	same := func(t *Target) error {
		if t.Given != nil && *t.Given == spec.unnamed() {
			return t.checkUnchanged()
		}
		return fault.Inputf("target %s exists, made from other files", t.Name).Hint("kintsugi target rm %s", t.Name)
	}
	return s.addLocal(ctx, spec, provenance{origin: "local"}, same, progress)
}

// provenance describes the origin of a target.
type provenance struct {
	origin   string
	version  string // of Debian's source package, empty for others
	packages []Package
}

// addLocal makes the target of spec's name, unless it exists and same accepts it.
func (s *Store) addLocal(ctx context.Context, spec LocalSpec, from provenance, same func(*Target) error,
	progress Progress) (*Target, error) {
	if err := spec.complete(); err != nil {
		return nil, err
	}
	return s.create(ctx, spec.Name, same, func(t *Target) error {
		if err := s.checkSpace(localNeed + modulesSize(spec.Modules)); err != nil {
			return err
		}
		t.Origin, t.Version, t.Packages = from.origin, from.version, from.packages
		return s.fillLocal(ctx, t, spec, progress)
	})
}

// unnamed is spec in its stored form, without the name.
func (spec LocalSpec) unnamed() LocalSpec {
	spec.Name = ""
	return spec
}

// complete finds missing files, makes the paths absolute and hashes the files that
// are copied.
func (spec *LocalSpec) complete() error {
	spec.fromBuild()
	if info, err := os.Stat(spec.Source); err == nil && info.IsDir() && !isSource(spec.Source) {
		return notSource(spec.Source)
	}
	for _, part := range []struct {
		option   string
		path     *string
		required bool
	}{
		{"--source", &spec.Source, true}, {"--config", &spec.Config, true},
		{"--headers", &spec.Headers, true}, {"--image", &spec.Image, true},
		{"--modules", &spec.Modules, false}, {"--debug-vmlinux", &spec.DebugVmlinux, false},
	} {
		if *part.path == "" {
			if part.required {
				return spec.missing(part.option)
			}
			continue
		}
		abs, err := filepath.Abs(*part.path)
		if err != nil {
			return disk.Fault(err)
		}
		if _, err := os.Stat(abs); err != nil {
			return fault.Inputf("%s: %w", part.option, err)
		}
		*part.path = abs
	}
	var err1, err2 error
	spec.ConfigSum, err1 = disk.SHA256(spec.Config)
	spec.ImageSum, err2 = disk.SHA256(spec.Image)
	return input(errors.Join(err1, err2))
}

// missing is the error for a missing option, with a hint to alternatives.
func (spec *LocalSpec) missing(option string) error {
	err := fault.Inputf("%s is missing", option)
	if build := first(spec.Headers, spec.Source); build != "" && option != "--source" && !isBuild(build) {
		return err.Hint("no kernel was built in %s; pass the folder of make O= by --headers", build)
	}
	return err
}

// fillLocal makes all quick checks before it copies the source.
func (s *Store) fillLocal(ctx context.Context, t *Target, spec LocalSpec, progress Progress) error {
	given := spec.unnamed()
	t.Given = &given
	t.Headers, t.DebugVmlinux = spec.Headers, spec.DebugVmlinux
	t.Image = filepath.Join(t.Dir, "vmlinuz")
	if err := errors.Join(copyFile(spec.Config, t.Config), copyFile(spec.Image, t.Image)); err != nil {
		return input(err)
	}
	if err := t.readConfig(); err != nil {
		return err
	}
	if err := s.takeToolchain(ctx, t, "", progress); err != nil {
		return err
	}
	id, err := t.readImage()
	if err != nil {
		return err
	}
	if isELF(t.Image) {
		if err := t.takeVmlinux(spec.Image); err != nil {
			return err
		}
	}
	if err := checkDebugVmlinux(t.DebugVmlinux, t.Banner); err != nil {
		return err
	}
	if err := t.takeModules(ctx, spec.Modules); err != nil {
		return err
	}
	progress.Step("source")
	if err := t.takeSource(ctx, spec.Source); err != nil {
		return err
	}
	if err := t.checkParts(id); err != nil {
		return err
	}
	return t.prepare(ctx, progress)
}

func (t *Target) takeSource(ctx context.Context, source string) error {
	info, err := os.Stat(source)
	if err != nil {
		return input(err)
	}
	if info.IsDir() {
		return copySource(ctx, source, t.Source)
	}
	if filepath.Ext(source) == ".deb" {
		return t.unpackSourcePackage(ctx, source)
	}
	return unpackSource(ctx, source, t.Source)
}

// checkDebugVmlinux refuses a vmlinux of another build, which does not contain the
// image's banner.
func checkDebugVmlinux(path, banner string) error {
	if path == "" {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return input(err)
	}
	defer f.Close()
	found, err := contains(f, []byte(banner))
	if err != nil {
		return input(err)
	}
	if !found {
		return fault.Inputf("%s is of another build than the image: it does not have the banner %q", path, banner)
	}
	return nil
}

// contains looks for a text in r without holding all of r in memory.
func contains(r io.Reader, text []byte) (bool, error) {
	buffer := make([]byte, 1<<20+len(text))
	kept := 0 // bytes of the last round that can be the begin of the text
	for {
		n, err := io.ReadFull(r, buffer[kept:])
		if bytes.Contains(buffer[:kept+n], text) {
			return true, nil
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		kept = copy(buffer, buffer[len(buffer)-len(text):])
	}
}
