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

// bootImage is where a kernel's build leaves what is booted.
var bootImage = arch.AMD64.Image.Boot

// fromBuild takes what spec leaves open from the folder that the kernel was
// built in: the headers where they are given (they are the folder of make O=,
// or a package, which has less), else the source.
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

// first is the first text that is not empty.
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

// isBuild tells whether modules can be built against a folder: a kernel was
// built there, or it is a package's headers.
func isBuild(dir string) bool {
	return dir != "" && existing(dir, "include/generated/utsrelease.h") != ""
}

// sourceOf is the source of what was built in a folder: make O= leaves a link.
func sourceOf(build string) string {
	if isSource(build) {
		return build
	}
	if source, err := filepath.EvalSymlinks(filepath.Join(build, "source")); err == nil && isSource(source) {
		return source
	}
	return ""
}

// hasModules tells whether a kernel's modules were built in dir. Installed
// ones have a modules.order too, but no configuration.
func hasModules(dir string) bool {
	return existing(dir, "modules.order") != "" && existing(dir, "include/config/auto.conf") != ""
}

// takeModules copies modules out of the folder they were built in, where the
// next build replaces them, into the layout of lib/modules/RELEASE. Others are
// used where they are.
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

// builtModules are the modules of a build by their paths in it, as
// modules.order lists them: since 6.2 by the names of their objects, before
// 5.3 with kernel/ before the path.
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
	modules, _ := builtModules(dir) // takeModules says what is wrong
	var sum int64
	for _, name := range modules {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil {
			sum += info.Size()
		}
	}
	return sum
}

// checkSymvers says what to do where a kernel was built without its modules.
func checkSymvers(headers string) error {
	_, err := os.Stat(filepath.Join(headers, "Module.symvers"))
	if errors.Is(err, fs.ErrNotExist) {
		return fault.Inputf("headers: %w", err).
			Hint("it tells what the kernel exports; make modules in %s makes it", headers)
	}
	return nil
}
