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

// loadModules loads the modules of the plan. One that cannot be loaded here is
// noted, and the test goes on without it.
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

// unloadModules takes the patched modules out, each after the modules that
// use it. A module that does not go is noted.
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

// reloadModules loads again what unloadModules has taken out. Each module was
// loaded before, so one that no longer can be is a fault of the livepatch.
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

// removeModule unloads a module after those that hold it, and returns why that
// cannot be; empty: it has gone.
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

// deleteModule is delete_module(2). Something may hold the module for a
// moment, such as the end of a probe's process: a second is given.
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

// insertModule loads a module of the plan, if it is not there already.
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

// noteObject notes what the kernel reports of an object. An object is patched
// if it was at one check at least, and never loaded without.
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

// object is the fact about an object, made at the first look.
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
