package e2e

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"kintsugi/builder"
	"kintsugi/internal/target"
)

// TestBuiltTree uses kernels that somebody built. A kernel with a small configuration is built
// outside its source, and added by its build folder. The same kernel, as if built in its source, is
// passed to build with kpatch-build's options, in an environment that would mislead make, compiler
// and shell. Both modules must be equal.
func TestBuiltTree(t *testing.T) {
	kernel := realTarget(t)
	t.Parallel()
	source := pristine(t, kernel)
	build := buildKernel(t, kernel.CC, source)
	begun := time.Now()
	store := &target.Store{Dir: filepath.Join(scratch, "tree-store")}
	small, err := store.AddLocal(context.Background(), target.LocalSpec{Name: "small", Headers: build}, nil)
	if err != nil {
		t.Fatalf("target: %s", explain(err))
	}
	patch, module := "../../examples/meminfo-capitals", ""
	t.Run("built-in", func(t *testing.T) {
		module = buildAndBoot(t, small, patch)
	})
	t.Run("module", func(t *testing.T) {
		buildAndBoot(t, small, "testdata/configfs-names")
	})
	t.Run("by its files", func(t *testing.T) {
		tree := inTree(t, source, build)
		begun := time.Now()
		misled := buildMisled(t, store, "-s", tree, "-v", tree+"/vmlinux", "-j", "2", patch+".patch")
		if misled != module {
			t.Error("the modules differ")
		}
		unwritten(t, tree, begun)
	})
	unwritten(t, source, begun)
	unwritten(t, build, begun)
}

// unwritten requires that no file in dir is newer than begun.
func unwritten(t *testing.T, dir string, begun time.Time) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.ModTime().After(begun) {
			t.Errorf("%s was written to", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// pristine returns the source of the kernel as in its package.
func pristine(t *testing.T, kernel *target.Target) string {
	t.Helper()
	store, err := target.DefaultStore()
	if err != nil {
		t.Fatal(err)
	}
	series := strings.Join(strings.SplitN(kernel.Release, ".", 3)[:2], ".")
	release := target.DebianRelease{Release: kernel.Release, Version: kernel.Version, Series: series}
	source, err := store.DebianSource(context.Background(), release, nil)
	if err != nil {
		t.Fatalf("source: %s", explain(err))
	}
	return source
}

// buildKernel builds a kernel of testdata/small.config and its module, outside the source. This
// takes about five minutes of processor time.
func buildKernel(t *testing.T, cc, source string) string {
	t.Helper()
	begin := time.Now()
	build := filepath.Join(scratch, "tree-build")
	config, err := filepath.Abs("testdata/small.config")
	if err != nil {
		t.Fatal(err)
	}
	must(t, source, "make", "-s", "CC="+cc, "HOSTCC="+cc, "O="+build, "KCONFIG_ALLCONFIG="+config, "allnoconfig")
	must(t, build, "make", "-s", fmt.Sprintf("-j%d", runtime.NumCPU()), "CC="+cc, "HOSTCC="+cc)
	t.Logf("the kernel was built in %.0f s", time.Since(begin).Seconds())
	return build
}

// must runs a program that must succeed.
func must(t *testing.T, dir, program string, args ...string) {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v\n%.4000s", program, args, err, out)
	}
}

// buildAndBoot builds a patch, checks its effect and its reversal, and returns the module's bytes.
func buildAndBoot(t *testing.T, kernel *target.Target, name string) (module string) {
	t.Helper()
	out := t.TempDir()
	rep, err := builder.Build(context.Background(), options(kernel, out, name+".patch"))
	if err != nil {
		t.Fatalf("build: %s\n%s", explain(err), diagnostics(rep))
	}
	path := filepath.Join(out, rep.Module.Path)
	boot(t, kernel, path, name+".sh", nil)
	return read(t, path)
}

// inTree returns the state that make leaves when it builds in the source: a copy of the source with
// the build's files added.
func inTree(t *testing.T, source, build string) string {
	t.Helper()
	tree := filepath.Join(scratch, "tree")
	must(t, scratch, "cp", "-a", "--reflink=auto", source, tree)
	must(t, scratch, "sh", "-c", `tar -C "$1" --exclude ./Makefile --exclude ./source --exclude ./.gitignore -cf - . | tar -C "$2" -xf -`, "sh", build, tree)
	return tree
}

// buildMisled runs kintsugi build in an environment with variables that make and the compiler would
// obey, and returns the module's bytes.
func buildMisled(t *testing.T, store *target.Store, args ...string) (module string) {
	t.Helper()
	dir := t.TempDir()
	trap, traced := filepath.Join(dir, "trap"), filepath.Join(dir, "traced")
	for name, text := range map[string]string{trap: "$(error trap)\nexit 1\n",
		filepath.Join(dir, "linux/kernel.h"): "#error trap\n"} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(program(t), append([]string{"build", "-o", filepath.Join(dir, "out")}, args...)...)
	cmd.Env = append(os.Environ(), "KINTSUGI_CACHE="+store.Dir,
		"MAKEFILES="+trap, "MAKEFLAGS=e", "GNUMAKEFLAGS=e", "ARCH=arm64", "CROSS_COMPILE=trap-", "O=/trap", "M=/trap",
		"V=1", "C=2", "W=123", "LLVM=1",
		"KBUILD_OUTPUT=/trap", "KBUILD_EXTMOD=/trap", "KBUILD_BUILD_TIMESTAMP=trap", "KCONFIG_CONFIG=/trap",
		"KCONFIG_ALLCONFIG=/trap", "LOCALVERSION=-trap",
		"CONFIG_KASAN=y", "CONFIG_GCOV_KERNEL=y", "CONFIG_DEBUG_INFO=y", "KCFLAGS=-O0 -DTRAP", "KCPPFLAGS=-DTRAP",
		"KAFLAGS=-DTRAP", "CFLAGS_meminfo.o=-O0", "CFLAGS=-O0", "LDFLAGS=--trap",
		"CPATH="+dir, "C_INCLUDE_PATH="+dir, "COMPILER_PATH="+dir, "LIBRARY_PATH="+dir, "GCC_EXEC_PREFIX="+dir,
		"DEPENDENCIES_OUTPUT="+traced, "SUNPRO_DEPENDENCIES="+traced,
		"SOURCE_DATE_EPOCH=1", "BASH_ENV="+trap, "ENV="+trap, "GREP_OPTIONS=--color=always", "LC_ALL=de_DE.UTF-8",
		"LANG=de_DE.UTF-8", "TZ=Asia/Tokyo", "sub_make_done=1", "srctree=/trap", "VPATH=/trap")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	if text, err := os.ReadFile(traced); err == nil {
		t.Errorf("the compiler wrote to DEPENDENCIES_OUTPUT: %.200s", text)
	}
	modules, err := filepath.Glob(filepath.Join(dir, "out/*.ko"))
	if err != nil || len(modules) != 1 {
		t.Fatalf("modules %q, %v", modules, err)
	}
	return read(t, modules[0])
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
