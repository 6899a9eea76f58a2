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

// LocalSpec names the files that a local target is made from. Source, config
// and image are copied, and so are modules in the folder they were built in.
// Headers, other modules and debug vmlinux are used where they are, as the
// compiler is: they can be huge and are only read; that the headers are still
// the same is checked whenever the target is opened.
//
// Where source or headers are the folder of a kernel's build, what is not
// given is taken from there.
type LocalSpec struct {
	Name         string `json:"-"`
	Source       string `json:"source"`            // a kernel's source tree, or a tarball of one
	Config       string `json:"config"`            // the .config
	Headers      string `json:"headers"`           // what make -C wants: headers package or build folder
	Image        string `json:"image"`             // bzImage or vmlinux
	Modules      string `json:"modules,omitempty"` // lib/modules/RELEASE or build folder
	DebugVmlinux string `json:"debug_vmlinux,omitempty"`
	// hashes of the copied files
	ConfigSum string `json:"config_sha256"`
	ImageSum  string `json:"image_sha256"`
}

// localNeed is the disk space that a source tree needs when prepared, in bytes.
const localNeed = 1800 << 20

// AddLocal makes a target of files on this machine. The source given is never
// written to. Where a target of that name was made from the same files it is
// returned; whether the source has changed since is not looked at.
func (s *Store) AddLocal(ctx context.Context, spec LocalSpec, progress Progress) (*Target, error) {
	if _, debian := IsDebian(spec.Name); debian || spec.Name == Running {
		return nil, fault.Inputf("the name %s is taken: it means a kernel that is found by itself", spec.Name)
	}
	if err := spec.complete(); err != nil {
		return nil, err
	}
	same := func(t *Target) error {
		if t.Given != nil && *t.Given == spec.unnamed() {
			return t.checkUnchanged()
		}
		return fault.Inputf("target %s is there, made from other files", t.Name).Hint("kintsugi target rm %s", t.Name)
	}
	return s.addLocal(ctx, spec, provenance{origin: "local"}, same, progress)
}

// provenance is what a target says of its origin beside the files.
type provenance struct {
	origin   string
	version  string // of Debian's source package, empty for others
	packages []Package
}

// addLocal makes the target of spec's name, unless it is there and same says
// that it is the one wanted.
func (s *Store) addLocal(ctx context.Context, spec LocalSpec, from provenance, same func(*Target) error, progress Progress) (*Target, error) {
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

// unnamed is spec as it is stored.
func (spec LocalSpec) unnamed() LocalSpec {
	spec.Name = ""
	return spec
}

// complete finds what was not given, makes the paths absolute and hashes the
// files that are copied.
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

// missing says what else would do in the place of an option.
func (spec *LocalSpec) missing(option string) error {
	err := fault.Inputf("%s is missing", option)
	if build := first(spec.Headers, spec.Source); build != "" && option != "--source" && !isBuild(build) {
		return err.Hint("%s has no kernel that was built there; the folder of make O= is given by --headers", build)
	}
	return err
}

// fillLocal does what can be refused quickly before the source is copied.
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

// checkDebugVmlinux refuses a vmlinux that does not contain the image's
// banner: it is of another build.
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
		return fault.Inputf("%s is not the image's: it does not have the banner %q", path, banner)
	}
	return nil
}

// contains looks for a text in r without holding all of r in memory.
func contains(r io.Reader, text []byte) (bool, error) {
	buffer := make([]byte, 1<<20+len(text))
	kept := 0 // bytes of the last round that may begin the text
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
