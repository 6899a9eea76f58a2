package vm

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"kintsugi/internal/fault"
	"kintsugi/internal/klp"
	"kintsugi/internal/kofile"
	"kintsugi/internal/report"
)

// payload has the modules that the guest loads.
type payload struct {
	livepatches []livepatchFile // Module, then Newer
	modules     []moduleFile    // in the order of loading
	missing     []report.TestModule
}

type livepatchFile struct {
	path string
	*klp.Module
}

type moduleFile struct {
	name    string
	data    []byte
	patched bool
}

// collect reads the livepatches, the target's modules that they patch or need, and
// the modules that these need.
func (cfg *Config) collect() (*payload, error) {
	p := &payload{}
	var needed, patched []string
	for _, path := range append([]string{cfg.Module}, cfg.Newer...) {
		module, err := readLivepatch(path)
		if err != nil {
			return nil, err
		}
		if module.Pinned && cfg.Cycles > 0 {
			return nil, fault.Inputf("%s is pinned: it can be loaded only once, and not in cycles", module.Name).
				Hint("test it without --cycles")
		}
		p.livepatches = append(p.livepatches, livepatchFile{path, module})
		needed = append(needed, module.Depends...)
		patched = append(patched, patchedModules(module)...)
	}
	for _, name := range cfg.AllowUnloaded {
		if !slices.Contains(patched, name) {
			return nil, fault.Inputf("module %s may stay unloaded, and is not patched", name)
		}
	}
	return p, p.addModules(cfg, slices.Concat(needed, cfg.With, patched), patched)
}

func readLivepatch(path string) (*klp.Module, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.Inputf("module: %w", err)
	}
	module, err := klp.Inspect(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return module, nil
}

// patchedModules returns the modules that a livepatch patches.
func patchedModules(m *klp.Module) []string {
	var names []string
	if m.Patch == nil {
		return nil
	}
	for _, o := range m.Patch.Objects {
		if o.Name != klp.Vmlinux && !slices.Contains(names, o.Name) {
			names = append(names, o.Name)
		}
	}
	return names
}

// addModules adds the named modules, each after the modules that it needs. A patched
// module that the target lacks is recorded; any other missing module is an error.
func (p *payload) addModules(cfg *Config, names, patched []string) error {
	dir := kofile.Open(cfg.Modules)
	seen := map[string]bool{}
	for _, name := range names {
		if seen[name] {
			continue
		}
		order, err := cfg.loadOrder(dir, name)
		switch {
		case errors.Is(err, fs.ErrNotExist) && slices.Contains(patched, name):
			reason := "the target does not have it, or lacks a module that it needs"
			p.missing = append(p.missing, report.TestModule{Name: name, Patched: true, Reason: reason})
			seen[name] = true
			continue
		case err != nil:
			return fmt.Errorf("module %s for the VM: %w", name, err)
		}
		for _, n := range order {
			if seen[n] {
				continue
			}
			seen[n] = true
			data, err := dir.Read(n)
			if err != nil {
				return err
			}
			p.modules = append(p.modules, moduleFile{name: n, data: data, patched: slices.Contains(patched, n)})
		}
	}
	return nil
}

func (cfg *Config) loadOrder(dir *kofile.Dir, name string) ([]string, error) {
	if cfg.Modules == "" {
		return nil, fault.Inputf("the target has no modules: %w", fs.ErrNotExist)
	}
	return dir.LoadOrder(name)
}

// plan returns the plan for the guest's init.
func (t *test) plan() plan {
	p := plan{
		Channel: "/dev/" + t.machine.QEMU.Channel, Probe: t.Probe != "",
		Order: t.Order, Transition: t.Transition, Cycles: t.Cycles,
	}
	for i, l := range t.livepatches {
		p.Livepatches = append(p.Livepatches,
			planLivepatch{Name: l.Name, Path: livepatchPath(i), Pinned: l.Pinned,
				Replace: l.Patch == nil || l.Patch.Replace, Functions: functionsOf(l.Module)})
	}
	for _, m := range t.modules {
		p.Modules = append(p.Modules, planModule{Name: m.name, Patched: m.patched})
	}
	return p
}

// functionsOf lists the replaced functions with the addresses of the new code.
func functionsOf(m *klp.Module) []planFunction {
	var list []planFunction
	if m.Patch == nil {
		return nil
	}
	for _, o := range m.Patch.Objects {
		for _, f := range o.Functions {
			p := planFunction{Object: o.Name, Name: f.OldName, SymPos: f.SymPos}
			p.Section, p.Offset, _ = f.Code()
			list = append(list, p)
		}
	}
	return list
}

func (m *moduleFile) write(c *cpioWriter) {
	c.File(kernelModulePath(m.name), bytes.NewReader(m.data), int64(len(m.data)))
}
