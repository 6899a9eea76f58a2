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
	"strconv"
	"strings"

	"kintsugi/internal/consent"
	"kintsugi/internal/diag"
	"kintsugi/internal/fault"
	"kintsugi/internal/klp"
	"kintsugi/internal/report"
	"kintsugi/kbuild/module"
	"kintsugi/templates"
)

// emit returns the module's source: C and Kbuild files, and the units' objects.
// accepted are the findings that the author accepted.
func emit(s *session, parts []resolved, accepted []report.Accepted) (map[string][]byte, error) {
	m := moduleSource(s, parts)
	m.Accepted, m.Pinned = acceptedNames(accepted), pinned(accepted)
	forgets, err := forgetLinks(s.kernel, parts)
	if err != nil {
		return nil, err
	}
	if forgets != nil {
		m.Forget = s.kernel.Arch()
	}
	files, err := m.Files()
	if err != nil {
		return nil, err
	}
	for i, p := range parts {
		if p.diff.Empty() {
			continue
		}
		if files[shippedName(i, p)+".o_shipped"], err = p.extract.File.WriteAs(p.resolution.Names); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// shippedName returns the name of a unit's object in the module source.
func shippedName(i int, p resolved) string {
	base := strings.TrimSuffix(path.Base(p.Unit.Object), ".o")
	return "unit" + strconv.Itoa(i) + "_" + strings.Map(nameRune, base)
}

func moduleSource(s *session, parts []resolved) *templates.Module {
	m := &templates.Module{Name: s.name, Release: s.opts.Target.Release, Replace: s.opts.Replace, States: states(parts)}
	funcs := map[string][]templates.Func{} // by object
	for i, p := range parts {
		if p.diff.Empty() {
			continue
		}
		m.Units = append(m.Units, shippedName(i, p))
		for _, rep := range p.extract.Replacements {
			t := p.targets[rep.Func]
			funcs[p.owner.Name] = append(funcs[p.owner.Name],
				templates.Func{OldName: t.Name, NewFunc: rep.Alias, SymPos: t.SymPos})
		}
		m.Namespaces = append(m.Namespaces, p.resolution.Namespaces...)
	}
	slices.Sort(m.Namespaces)
	m.Namespaces = slices.Compact(m.Namespaces)
	calls := calls(parts)
	for _, name := range objects(parts, calls) {
		o := templates.Object{Module: name, Ident: "object_" + name, Funcs: funcs[name], Calls: calls[name]}
		if name == klp.Vmlinux {
			o.Module, o.Ident = "", name
		}
		m.Objects = append(m.Objects, o)
	}
	return m
}

// acceptedNames lists the accepted findings as CODE:SYMBOL.
func acceptedNames(accepted []report.Accepted) []string {
	var list []string
	for _, a := range accepted {
		list = append(list, consent.Given{Code: a.Code, Symbol: a.Symbol}.String())
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// pinned reports whether the module must stay loaded: the kernel can keep the
// address of some of its data or of a function.
func pinned(accepted []report.Accepted) bool {
	return slices.ContainsFunc(accepted, func(a report.Accepted) bool {
		row, _ := diag.Lookup(a.Code)
		return row.Pins
	})
}

// objects returns the names of the objects of struct klp_patch: every module that has a part,
// because the part's references wait for the module, and vmlinux if one of its functions is
// replaced or it has a callback.
func objects(parts []resolved, calls map[string][]templates.Call) []string {
	names := slices.Collect(maps.Keys(calls))
	for _, p := range parts {
		if !p.diff.Empty() && (p.owner.Name != klp.Vmlinux || len(p.extract.Replacements) > 0) {
			names = append(names, p.owner.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// forgetLinks returns the links with which the module undoes relocations for a patched module that
// is unloaded. They are nil if no module is patched, or if the kernel does this itself
// (clear_relocate_add, since 6.3).
func forgetLinks(kernel *klp.Kernel, parts []resolved) (klp.Links, error) {
	patchesModule := slices.ContainsFunc(objects(parts, calls(parts)),
		func(name string) bool { return name != klp.Vmlinux })
	if !patchesModule || len(kernel.Image.Lookup("clear_relocate_add")) > 0 {
		return nil, nil
	}
	machine := kernel.Arch()
	if machine.Loader.Poke.Header == "" {
		return nil, fault.Environmentf("this kernel does not undo the relocations for a module that is unloaded, "+
			"and kintsugi does not know how to do it on %s", machine.Name).
			Hint("patch a kernel from 6.3 on, or only code of the image")
	}
	links, ok := kernel.Globals(templates.ForgetSymbols(machine))
	if !ok {
		return nil, fault.Environmentf("the kernel image lacks one of %s, which a livepatch of modules needs on a kernel "+
			"before 6.3",
			strings.Join(templates.ForgetSymbols(machine), ", ")).Hint("patch only code of the image")
	}
	return links, nil
}

// link builds the module from its source with the target's own kbuild.
func link(ctx context.Context, s *session, source map[string][]byte) ([]byte, error) {
	dir := filepath.Join(s.work, sourceFolder)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, fault.Environmentf("module source: %w", err)
	}
	for name, data := range source {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			return nil, fault.Environmentf("module source: %w", err)
		}
	}
	t := s.opts.Target
	ko, err := s.linkModule(ctx, module.Spec{Headers: t.Headers, Source: dir, CC: t.CC,
		Work: filepath.Join(s.work, "link"), Cage: s.cage})
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
func seal(kernel *klp.Kernel, linked []byte, parts []resolved) ([]byte, error) {
	links := klp.Links{}
	forgets, err := forgetLinks(kernel, parts)
	if err != nil {
		return nil, err
	}
	maps.Copy(links, forgets)
	for _, p := range parts {
		maps.Copy(links, p.resolution.Links)
	}
	return klp.Seal(linked, links)
}

// verify applies the kernel's load rules to the sealed module. A broken rule is a
// bug of kintsugi.
func verify(kernel *klp.Kernel, sealed []byte) ([]report.Diagnostic, error) {
	found := kernel.Verify(sealed)
	for _, d := range found {
		if d.Severity == diag.Error {
			return found, &fault.Error{Class: fault.Bug, Code: d.Code,
				Err: fmt.Errorf("the module breaks a load rule of the kernel: %s", d.Message)}
		}
	}
	return found, nil
}

// describe describes the sealed module for the report.
func describe(name string, sealed []byte) (*report.Module, error) {
	m, err := klp.Inspect(sealed)
	if err != nil {
		return nil, fmt.Errorf("sealed module: %w", err)
	}
	sum := sha256.Sum256(sealed)
	return &report.Module{Path: name + ".ko", SHA256: hex.EncodeToString(sum[:]),
		Name: m.Name, Vermagic: m.Vermagic, Signed: m.Signed,
		Pinned: m.Pinned}, nil
}

// outputs returns the module and its source by their names in the output folder.
func outputs(name string, module []byte, source map[string][]byte) map[string][]byte {
	files := map[string][]byte{name + ".ko": module}
	for file, data := range source {
		files[sourceFolder+"/"+file] = data
	}
	return files
}
