package builder

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"

	"kintsugi/internal/diag"
	"kintsugi/internal/fault"
	"kintsugi/internal/klp"
	"kintsugi/internal/report"
	"kintsugi/kbuild"
	"kintsugi/templates"
)

// emit writes the module's source directory and returns its path.
func (r *run) emit(units []*unit) (string, error) {
	defer r.timed("emit")()
	dir := filepath.Join(r.work, "src")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", fault.Environmentf("module source: %w", err)
	}
	m := r.moduleSource(units)
	source, err := m.Source()
	if err != nil {
		return "", err
	}
	kbuildFile, err := m.Kbuild()
	if err != nil {
		return "", err
	}
	files := map[string][]byte{"livepatch.c": source, "Kbuild": kbuildFile}
	if m.Forget {
		if files["forget.c"], err = m.ForgetSource(); err != nil {
			return "", err
		}
	}
	for i, u := range units {
		if u.diff.Empty() {
			continue
		}
		object, err := u.extract.File.WriteAs(u.bound.Names)
		if err != nil {
			return "", err
		}
		files[shippedName(i, u)+".o_shipped"] = object
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			return "", fault.Environmentf("module source: %w", err)
		}
	}
	return dir, nil
}

// shippedName is the name of a unit's object in the module source.
func shippedName(i int, u *unit) string {
	base := strings.TrimSuffix(path.Base(u.Unit.Object), ".o")
	return "unit" + strconv.Itoa(i) + "_" + strings.Map(nameRune, base)
}

func (r *run) moduleSource(units []*unit) *templates.Module {
	m := &templates.Module{Name: r.name, Release: r.opts.Target.Release, Replace: r.opts.Replace, States: states(units)}
	funcs := map[string][]templates.Func{} // by object
	namespaces := map[string]bool{}
	for i, u := range units {
		if u.diff.Empty() {
			continue
		}
		m.Units = append(m.Units, shippedName(i, u))
		for _, rep := range u.extract.Replacements {
			t := u.targets[rep.Func]
			funcs[u.owner.Name] = append(funcs[u.owner.Name], templates.Func{OldName: t.Name, NewFunc: rep.Alias, SymPos: t.SymPos})
		}
		for _, n := range u.bound.Namespaces {
			namespaces[n] = true
		}
	}
	calls := calls(units)
	for _, name := range objects(units, calls) {
		o := templates.Object{Module: name, Ident: "object_" + name, Funcs: funcs[name], Calls: calls[name]}
		if name == klp.Vmlinux {
			o.Module, o.Ident = "", name
		}
		m.Forget = m.Forget || name != klp.Vmlinux && r.forgetLinks() != nil
		m.Objects = append(m.Objects, o)
	}
	for n := range namespaces {
		m.Namespaces = append(m.Namespaces, n)
	}
	sort.Strings(m.Namespaces)
	return m
}

// objects are the names of what the livepatch core is told of: all modules that
// code is for, as references of that code wait for them, and the kernel where
// something of it is replaced or called back.
func objects(units []*unit, calls map[string][]templates.Call) []string {
	names := slices.Collect(maps.Keys(calls))
	for _, u := range units {
		if !u.diff.Empty() && (u.owner.Name != klp.Vmlinux || len(u.extract.Replacements) > 0) {
			names = append(names, u.owner.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// forgetLinks are the links that the module needs to take back what the kernel
// relocates in it for a patched module that goes; nil where the kernel does that
// itself.
func (r *run) forgetLinks() klp.Links {
	if len(r.kernel.Image.Lookup("clear_relocate_add")) > 0 {
		return nil
	}
	links, _ := r.kernel.Globals(templates.ForgetSymbols)
	return links
}

// link has the target's own kbuild make the module.
func (r *run) link(ctx context.Context, source string) ([]byte, error) {
	defer r.timed("link")()
	t := r.opts.Target
	ko, err := kbuild.LinkModule(ctx, kbuild.ModuleSpec{Headers: t.Headers, Source: source, CC: t.CC, Work: filepath.Join(r.work, "link"), Cage: t.Cage(r.work)})
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(ko)
	if err != nil {
		return nil, fault.Environmentf("linked module: %w", err)
	}
	return data, nil
}

// seal gives the linked module its livepatch relocations.
func (r *run) seal(linked []byte, units []*unit) ([]byte, error) {
	defer r.timed("seal")()
	links := klp.Links{}
	maps.Copy(links, r.forgetLinks())
	for _, u := range units {
		maps.Copy(links, u.bound.Links)
	}
	return klp.Seal(linked, links)
}

// verify applies the kernel's own load rules to the sealed module. A module
// of ours that breaks one is a bug of ours.
func (r *run) verify(module []byte) error {
	defer r.timed("verify")()
	diags := r.kernel.Verify(module)
	r.rep.Diagnostics = append(r.rep.Diagnostics, diags...)
	for _, d := range diags {
		if d.Severity == diag.Error {
			return &fault.Error{Class: fault.Bug, Code: d.Code, Err: fmt.Errorf("the module breaks a load rule of the kernel: %s", d.Message)}
		}
	}
	return nil
}

// describe notes what the module is.
func (r *run) describe(module []byte) error {
	m, err := klp.Inspect(module)
	if err != nil {
		return fmt.Errorf("sealed module: %w", err)
	}
	sum := sha256.Sum256(module)
	r.rep.Module = &report.Module{Path: r.name + ".ko", SHA256: hex.EncodeToString(sum[:]), Name: m.Name, Vermagic: m.Vermagic, Signed: m.Signed}
	return nil
}
