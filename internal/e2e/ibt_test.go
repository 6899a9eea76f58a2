package e2e

import (
	"context"
	"slices"
	"strings"
	"testing"

	"kintsugi/builder"
	"kintsugi/internal/target"
	"kintsugi/internal/vm"
)

// ibtSeries is Debian's series with indirect branch tracking, call padding and call thunks, zstd
// images and xz modules.
const ibtSeries = "6.12"

var addIBTTarget = adder(ibtSeries)

func ibtTarget(t *testing.T) *target.Target { return added(t, addIBTTarget) }

// ibtPatches are the patches of testdata/patches that also boot on this kernel: an exported
// function, a pointer to a function, static keys, a warning, specially placed text, a system call,
// an access to user memory.
var ibtPatches = []string{"exported-function", "function-pointer", "new-static-key", "other-static-key", "sched-text",
	"syscall-condition", "user-access", "warn-flag"}

func TestIBT(t *testing.T) {
	kernel := ibtTarget(t)
	for _, c := range namedCases(t, "patches", ibtPatches...) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			// In this kernel, functions with warnings do not change.
			c.head["Functions"] = slices.DeleteFunc(c.head["Functions"],
				func(f string) bool { return strings.HasSuffix(f, ".cold") })
			boot(t, kernel, c.build(t, kernel, t.TempDir()), c.probe(), nil)
		})
	}
}

// ibtAuthoring are the patches of testdata/authoring that also boot on this kernel.
var ibtAuthoring = []string{"callbacks", "new-file", "shadow", "syscall-kpatch"}

func TestIBTAuthoring(t *testing.T) {
	kernel := ibtTarget(t)
	for _, c := range namedCases(t, "authoring", ibtAuthoring...) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.author(t, kernel)
		})
	}
}

// TestIBTHeader changes a header that many units include.
func TestIBTHeader(t *testing.T) {
	kernel := ibtTarget(t)
	c := readCase(t, testdata+"/ibt/header.patch")
	c.checkWide(t, kernel)
	boot(t, kernel, c.build(t, kernel, t.TempDir()), c.probe(), nil)
}

// TestIBTEntries reads the entries of functions in the running kernel, with and without ibt=off. No
// CPU that QEMU emulates has IBT, but the kernel overwrites sealed entries anyway.
func TestIBTEntries(t *testing.T) {
	kernel := ibtTarget(t)
	c := readCase(t, testdata+"/ibt/entries.patch")
	out := t.TempDir()
	module := c.build(t, kernel, out)
	for name, args := range map[string]string{"as it is": "", "off": "ibt=off"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			judge(t, vm.Config{Image: kernel.Image, Modules: kernel.Modules, Module: module, Probe: c.probe(), KernelArgs: args})
		})
	}
	t.Run("by hand", func(t *testing.T) { makeByHand(t, kernel, out, "livepatch-entries.ko") })
}

// TestSealedFunctions has pointers to sealed functions: one that TestIBTEntries finds in the
// kernel, and one of a module.
func TestSealedFunctions(t *testing.T) {
	kernel := ibtTarget(t)
	for _, c := range namedCases(t, "ibt", "sealed-function", "sealed-in-module") {
		t.Run(c.name, func(t *testing.T) {
			rep, err := builder.Check(context.Background(), options(kernel, t.TempDir(), c.path))
			if err == nil {
				t.Fatal("not refused")
			}
			t.Logf("%s\n%s", explain(err), diagnostics(rep))
			c.checkRefusal(t, rep, err)
		})
	}
}

// TestIBTModules patches code of modules, which are compressed here.
func TestIBTModules(t *testing.T) {
	kernel := ibtTarget(t)
	for _, c := range namedCases(t, "modules", "kernel-and-modules", "module-tracepoint") {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.bootModules(t, kernel, c.build(t, kernel, t.TempDir()), vm.LivepatchFirst)
		})
	}
}
