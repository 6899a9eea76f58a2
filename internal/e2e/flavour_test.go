package e2e

import (
	"path/filepath"
	"strings"
	"testing"

	"kintsugi/internal/target"
	"kintsugi/internal/vm"
)

// Further kernels of Debian. A machine that lacks the compiler of one gets the tools of
// its suite.
var (
	addCloud     = adder("cloud")
	addBullseye  = adder("bullseye")
	addTrixie    = adder("trixie")
	addTrixieRT  = adder("trixie/rt")
	addRealtime  = adder("rt")
	addBackports = adder("trixie-backports")
	addSid       = adder("sid")
)

// TestCloud has the kernel that Debian makes for virtual machines: another configuration,
// packed with LZ4.
func TestCloud(t *testing.T) { further(t, added(t, addCloud), "proc-string", "inline-helper") }

// TestBullseye has 5.10: another way through kbuild, objtool as a step of its own, and
// gcc-10.
func TestBullseye(t *testing.T) { further(t, added(t, addBullseye), "proc-string", "static-locals") }

func TestTrixie(t *testing.T) { further(t, added(t, addTrixie), "proc-string", "inline-helper") }

func TestTrixieRealtime(t *testing.T) {
	further(t, added(t, addTrixieRT), "proc-string", "inline-helper")
}

// TestRealtime has 6.1 with patches from the source package's packaging.
func TestRealtime(t *testing.T) {
	if _, err := addRealtime(); err != nil && strings.Contains(err.Error(), "does not have it") {
		t.Skip(explain(err))
	}
	further(t, added(t, addRealtime), "proc-string", "inline-helper")
}

// TestBackports has 7.x: per-cpu data and bug entries of another form, Rust, and no
// symbol versions.
func TestBackports(t *testing.T) { further(t, added(t, addBackports), "proc-string", "inline-helper") }

// TestSid has 7.x with the newest compiler.
func TestSid(t *testing.T) { further(t, added(t, addSid), "proc-string", "inline-helper") }

// further boots patches of the image, and one of a module with an SRCU structure, which
// is loaded after the livepatch.
func further(t *testing.T, kernel *target.Target, names ...string) {
	for _, c := range namedCases(t, "patches", names...) {
		t.Run(c.name, func(t *testing.T) { boot(t, kernel, c.build(t, kernel, t.TempDir()), c.probe(), nil) })
	}
	c := namedCases(t, "modules", "module-srcu")[0]
	t.Run(c.name, func(t *testing.T) {
		out := t.TempDir()
		rep := c.report(t, kernel, out)
		c.bootModules(t, kernel, filepath.Join(out, rep.Module.Path), vm.LivepatchFirst)
	})
}
