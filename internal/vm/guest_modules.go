package vm

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"kintsugi/internal/livepatch"
	"kintsugi/internal/report"
)

func (m planModule) fact() report.TestModule {
	return report.TestModule{Name: m.Name, Patched: m.Patched, Reason: "not tried"}
}

// loadModules loads the modules of the plan. If a module cannot be loaded, the
// reason is recorded, and the test continues without it.
func (g *guest) loadModules() error {
	for i := range g.facts.Modules {
		m := &g.facts.Modules[i]
		m.Loaded, m.Reason = true, ""
		if err := insertModule(m.Name); err != nil {
			m.Loaded, m.Reason = false, err.Error()
		}
	}
	g.sendFacts()
	return nil
}

// unloadModules unloads the patched modules, each after the modules that use it. If
// a module cannot be unloaded, the reason is recorded.
func (g *guest) unloadModules() error {
	for i := range slices.Backward(g.facts.Modules) {
		m := &g.facts.Modules[i]
		if m.Patched && m.Loaded && isLoaded(m.Name) {
			m.Kept = g.removeModule(m.Name)
		}
	}
	g.sendFacts()
	return nil
}

// reloadModules loads the modules that unloadModules has unloaded. Each could be
// loaded before, so a module that cannot be loaded now is a fault of the livepatch.
func (g *guest) reloadModules() error {
	for i := range g.facts.Modules {
		m := &g.facts.Modules[i]
		if !m.Loaded || isLoaded(m.Name) {
			continue
		}
		if err := insertModule(m.Name); err != nil {
			return fmt.Errorf("module %s, loaded before, does not load with the livepatch in effect: %w", m.Name, err)
		}
		m.Reloaded = true
	}
	g.sendFacts()
	return nil
}

// removeModule unloads a module after the modules that hold it. It returns the
// reason for a failure, empty on success.
func (g *guest) removeModule(name string) string {
	holders, _ := filepath.Glob("/sys/module/" + name + "/holders/*") // the pattern is well formed
	for _, h := range holders {
		holder := filepath.Base(h)
		if why := g.removeModule(holder); why != "" {
			return fmt.Sprintf("%s uses it (%s)", holder, why)
		}
	}
	err := deleteModule(name)
	switch {
	case err == nil:
		return ""
	case errors.Is(err, unix.EAGAIN):
		return "it is in use"
	case errors.Is(err, unix.EBUSY):
		return "it has no exit function"
	}
	return err.Error()
}

// deleteModule is delete_module(2). It retries for a second, since the module can be
// held for a moment, for example by a process of the probe that is ending.
func deleteModule(name string) error {
	var err error
	for range 50 {
		if err = unix.DeleteModule(name, unix.O_NONBLOCK); !errors.Is(err, unix.EAGAIN) {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
	return err
}

// insertModule loads a module of the plan, unless it is loaded already.
func insertModule(name string) error {
	file, err := os.Open(kernelModulePath(name))
	if err != nil {
		return err
	}
	defer file.Close()
	err = unix.FinitModule(int(file.Fd()), "", 0)
	if errors.Is(err, unix.EEXIST) {
		return nil
	}
	return err
}

// isLoaded reports whether the object is the kernel itself or a module that
// has been initialised.
func isLoaded(object string) bool {
	return object == "vmlinux" || firstLine("/sys/module/"+object+"/initstate") == "live"
}

// noteObject records the kernel's report about an object. An object counts as
// patched if it was patched at one check at least, and never loaded but unpatched.
func (g *guest) noteObject(livepatch string, o livepatch.Object) {
	known := g.object(livepatch, o.Name)
	known.Source = "patched"
	if o.Derived {
		known.Source = "loaded"
	}
	switch {
	case o.Patched != nil && *o.Patched:
		if known.Reason != notPatched {
			known.Patched, known.Reason = true, ""
		}
	case isLoaded(o.Name):
		known.Patched, known.Reason = false, notPatched
	case !known.Patched && known.Reason == "":
		known.Reason = g.whyUnloaded(o.Name)
	}
}

const notPatched = "it is loaded, and the kernel has not patched it"

// object is the fact about an object. It is created when it is first needed.
func (g *guest) object(livepatch, name string) *report.TestObject {
	for i := range g.facts.Objects {
		if o := &g.facts.Objects[i]; o.Module == livepatch && o.Name == name {
			return o
		}
	}
	g.facts.Objects = append(g.facts.Objects, report.TestObject{Module: livepatch, Name: name})
	return &g.facts.Objects[len(g.facts.Objects)-1]
}

func (g *guest) whyUnloaded(name string) string {
	for _, m := range g.facts.Modules {
		if m.Name == name && m.Reason != "" {
			return "module " + name + " does not load here: " + m.Reason
		}
	}
	return "module " + name + " is not loaded"
}
