package target

import (
	"bufio"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"kintsugi/internal/arch"
	"kintsugi/internal/disk"
	"kintsugi/internal/fault"
	"kintsugi/internal/kofile"
)

// bootImage is the bootable image of a kernel's build.
var bootImage = arch.OfTargets().Image.Boot

// fromBuild takes missing files of spec from the folder that the kernel was built in:
// the headers if given (the folder of make O=, or a package, which has fewer files),
// else the source.
func (spec *LocalSpec) fromBuild() {
	build := first(spec.Headers, spec.Source)
	if !isBuild(build) {
		return
	}
	spec.Headers = build
	spec.Source = first(spec.Source, sourceOf(build))
	spec.Config = first(spec.Config, existing(build, ".config"))
	spec.Image = first(spec.Image, existing(build, bootImage, "vmlinux"))
	if spec.Modules == "" && hasModules(build) {
		spec.Modules = build
	}
}

// first is the first non-empty text.
func first(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

// existing is the path of the first of these files that is in dir.
func existing(dir string, names ...string) string {
	for _, name := range names {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return ""
}

// isBuild reports whether modules can be built against a folder: a kernel was built
// there, or it is a package of headers.
func isBuild(dir string) bool {
	return dir != "" && existing(dir, "include/generated/utsrelease.h") != ""
}

// sourceOf is the source of a build folder: make O= leaves a link to it.
func sourceOf(build string) string {
	if isSource(build) {
		return build
	}
	if source, err := filepath.EvalSymlinks(filepath.Join(build, "source")); err == nil && isSource(source) {
		return source
	}
	return ""
}

// hasModules reports whether a kernel's modules were built in dir. Installed modules
// have a modules.order too, but no configuration.
func hasModules(dir string) bool {
	return existing(dir, "modules.order") != "" && existing(dir, "include/config/auto.conf") != ""
}

// takeModules copies modules from their build folder, where the next build replaces
// them, into the layout of lib/modules/RELEASE. Other modules are used in their place.
func (t *Target) takeModules(ctx context.Context, dir string) error {
	t.Modules = dir
	if !hasModules(dir) {
		return nil
	}
	modules, err := builtModules(dir)
	if err != nil || len(modules) == 0 {
		t.Modules = ""
		return err
	}
	t.Modules = filepath.Join(t.Dir, "modules")
	for _, name := range modules {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		dest := filepath.Join(t.Modules, "kernel", name)
		if err := os.MkdirAll(filepath.Dir(dest), 0o755); err != nil {
			return disk.Fault(err)
		}
		if err := copyFile(filepath.Join(dir, name), dest); err != nil {
			return copyFault(dir, err)
		}
	}
	return nil
}

// builtModules are the paths of a build's modules. modules.order lists them: since
// 6.2 by the names of their objects, before 5.3 with kernel/ before the path.
func builtModules(dir string) ([]string, error) {
	f, err := os.Open(filepath.Join(dir, "modules.order"))
	if err != nil {
		return nil, input(err)
	}
	defer f.Close()
	var modules []string
	for lines := bufio.NewScanner(f); lines.Scan(); {
		name := strings.TrimPrefix(strings.TrimSpace(lines.Text()), "kernel/")
		name = strings.TrimSuffix(strings.TrimSuffix(name, ".o"), ".ko") + ".ko"
		if !filepath.IsLocal(name) || !kofile.Is(name) {
			return nil, fault.Inputf("%s: %q is not the path of a module", f.Name(), lines.Text())
		}
		modules = append(modules, name)
	}
	return modules, nil
}

// modulesSize is the space that takeModules needs, in bytes.
func modulesSize(dir string) int64 {
	if !hasModules(dir) {
		return 0
	}
	modules, _ := builtModules(dir) // takeModules reports the error
	var sum int64
	for _, name := range modules {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil {
			sum += info.Size()
		}
	}
	return sum
}

// checkSymvers gives a hint if a kernel was built without its modules.
func checkSymvers(headers string) error {
	_, err := os.Stat(filepath.Join(headers, "Module.symvers"))
	if errors.Is(err, fs.ErrNotExist) {
		return fault.Inputf("headers: %w", err).
			Hint("it lists the exports of the kernel; `make modules` in %s makes it", headers)
	}
	return nil
}
