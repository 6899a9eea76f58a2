package builder

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"

	"kintsugi/internal/diag"
	"kintsugi/internal/fault"
	"kintsugi/internal/klp"
	"kintsugi/internal/patchfile"
	"kintsugi/internal/report"
	"kintsugi/kbuild"
)

// compiled is a translation unit as part of an object that it is linked into. A
// unit of several modules has a value for each of them.
type compiled struct {
	kbuild.Pair
	owner *klp.Owner
}

// compilation is the result of compile.
type compilation struct {
	units   []compiled
	same    []compiled                   // units with the same code that export a symbol of another type
	overlay map[string][]byte            // files that replaced those of the tree
	changes map[string]*patchfile.Change // by path, numbered like debug info; nil if numbers were not pinned
}

// compile compiles every unit, original and patched. Line numbers are pinned, so
// that code which only moved stays the same. If the compiler refuses the patched
// source, it runs once more without pinned numbers, so that its messages have the
// line numbers of the file. explained are the earlier findings about files of the
// patch.
func compile(ctx context.Context, s *session, planned []kbuild.Unit, changes *patchfile.Result,
	explained []report.Diagnostic) (compilation, []report.Diagnostic, error) {
	byPath := map[string]*patchfile.Change{}
	for _, c := range changes.Changes {
		byPath[c.Path] = c
	}
	planned = withTypes(planned, changes)
	c := compilation{overlay: overlay(changes, true), changes: byPath}
	made, err := compilePairs(ctx, s, planned, c.overlay, filepath.Join(s.work, "units"))
	if fault.CodeOf(err) == diag.PatchCompile {
		c = compilation{overlay: overlay(changes, false)}
		made, err = compilePairs(ctx, s, planned, c.overlay, filepath.Join(s.work, "unpinned"))
	}
	if err != nil || hasErrors(made.found) {
		return c, made.found, err
	}
	in := diag.Usual
	if len(made.read) == 0 {
		in = diag.Alone
	}
	found := made.found
	found = append(found, unreached(sources(changes, s.arch), slices.Concat(explained, found), made.read, in)...)
	if len(made.pairs) == 0 && !hasErrors(found) {
		return c, found, nothingError()
	}
	if c.units, err = owned(s.kernel, made.pairs); err != nil {
		return c, found, err
	}
	c.same, err = owned(s.kernel, made.same)
	return c, found, err
}

// owned returns each pair once for each object that it is linked into.
func owned(kernel *klp.Kernel, pairs []kbuild.Pair) ([]compiled, error) {
	var units []compiled
	for _, p := range pairs {
		for _, name := range p.Unit.Owners() {
			owner, err := kernel.Owner(name)
			if err != nil {
				return nil, err
			}
			units = append(units, compiled{Pair: p, owner: owner})
		}
	}
	return units, nil
}

// pairs are the compiled objects of the planned units.
type pairs struct {
	pairs []kbuild.Pair
	same  []kbuild.Pair // pairs with the same code
	read  []string      // changed files that the compiler read
	found []report.Diagnostic
}

// compilePairs compiles the units of changed C files, and the units whose objects
// a changed header changes. In between it checks files that are no units and
// include a changed header: a finding can end the build before many units are
// compiled.
func compilePairs(ctx context.Context, s *session, planned []kbuild.Unit, files map[string][]byte,
	work string) (pairs, error) {
	own := slices.DeleteFunc(slices.Clone(planned), func(u kbuild.Unit) bool { return u.Header })
	others := slices.DeleteFunc(slices.Clone(planned), func(u kbuild.Unit) bool { return !u.Header })
	changed := slices.Sorted(maps.Keys(files))
	overlay := withHeaders(files)
	var made pairs
	var err error
	if made.pairs, err = s.tools.Compile(ctx, own, overlay, filepath.Join(work, "own")); err != nil {
		return made, err
	}
	made.found, err = s.tools.CheckNonUnits(ctx, changed, overlay, filepath.Join(work, "nonunits"))
	if err != nil || hasErrors(made.found) {
		return made, err
	}
	reached, read, err := s.tools.CompileHeaders(ctx, others, overlay, filepath.Join(work, "others"))
	if err != nil {
		return made, err
	}
	made.read = append(read, kbuild.Reached(made.pairs)...)
	for _, p := range reached {
		if !shipped(s.kernel, p.Unit) {
			continue
		}
		if p.SameCode {
			made.same = append(made.same, p)
			continue
		}
		made.pairs = append(made.pairs, p)
		found, err := missingOwners(s.kernel, p.Unit)
		if err != nil {
			return made, err
		}
		made.found = append(made.found, found...)
	}
	return made, nil
}

// shipped reports whether the target has the objects that a unit is linked into.
// A header can affect modules that the target does not have.
func shipped(kernel *klp.Kernel, u kbuild.Unit) bool {
	return slices.ContainsFunc(u.Owners(), func(owner string) bool {
		_, err := kernel.Owner(owner)
		return !errors.Is(err, fs.ErrNotExist)
	})
}

// withTypes marks the units in which the patch can change a type or a prototype, so
// that their debug info has types.
func withTypes(units []kbuild.Unit, changes *patchfile.Result) []kbuild.Unit {
	units = slices.Clone(units)
	for _, c := range changes.Changes {
		if !c.MayChangePrototypes() {
			continue
		}
		for i := range units {
			units[i].Types = units[i].Types || slices.Contains(units[i].Changed, c.Path)
		}
	}
	return units
}

// overlay returns the patched part of the tree: contents by path, nil for removed files.
func overlay(changes *patchfile.Result, pinned bool) map[string][]byte {
	files := map[string][]byte{}
	for _, c := range changes.Changes {
		switch {
		case c.Patched == nil:
			files[c.Path] = nil
		case pinned:
			files[c.Path] = c.Pinned
		default:
			files[c.Path] = c.Patched
		}
	}
	return files
}

// describeCompiled reports the planned units and those that a header affects.
func describeCompiled(planned []report.Unit, units []compiled) []report.Unit {
	list := slices.Clone(planned)
	for _, u := range units {
		if u.Unit.Header {
			list = append(list, describeUnit(u.Unit, u.owner.Name))
		}
	}
	return list
}
