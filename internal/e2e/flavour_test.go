package e2e

import (
	"path/filepath"
	"testing"

	"kintsugi/internal/vm"
)

var addCloud = adder("cloud")

// TestCloud uses Debian's kernel for virtual machines. It has another configuration and is
// compressed with LZ4.
func TestCloud(t *testing.T) {
	kernel := added(t, addCloud)
	for _, c := range namedCases(t, "patches", "proc-string", "inline-helper") {
		t.Run(c.name, func(t *testing.T) { boot(t, kernel, c.build(t, kernel, t.TempDir()), c.probe(), nil) })
	}
	c := namedCases(t, "modules", "module-srcu")[0]
	t.Run(c.name, func(t *testing.T) {
		out := t.TempDir()
		rep := c.report(t, kernel, out)
		c.bootModules(t, kernel, filepath.Join(out, rep.Module.Path), vm.LivepatchFirst)
	})
}
