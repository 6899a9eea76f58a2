package kbuild

import (
	"bytes"
	"context"
	"os"
	"path"
	"path/filepath"
	"slices"

	"kintsugi/internal/diag"
	"kintsugi/internal/fault"
	"kintsugi/internal/report"
)

// checkGenerated makes generated files once more, from the patched headers,
// and has a diagnostic for each that comes out different: scripts read some
// headers as text, as mkcapflags.sh does asm/cpufeatures.h. It asks where a
// makefile beside a generated file names one of the headers. The programs that
// run are the pristine tree's; that none of them has a changed header compiled
// in has been seen before.
func (t *Tree) checkGenerated(ctx context.Context, c *catalog, headers []string, overlay map[string][]byte, work string) ([]report.Diagnostic, error) {
	units, needs := t.generatedFrom(c, headers)
	if len(needs) == 0 {
		return nil, nil
	}
	before, err := t.generated(ctx, units, filepath.Join(work, "before"))
	if err != nil {
		return nil, err
	}
	view, err := t.separate(filepath.Join(work, "after"), needs)
	if err != nil {
		return nil, err
	}
	for _, h := range headers {
		if err := view.replace(h, overlay[h]); err != nil {
			return nil, fault.Environmentf("shadow of the source tree: %w", err)
		}
	}
	after, err := t.makeIn(ctx, view, needs)
	if err != nil {
		return nil, err
	}
	var diags []report.Diagnostic
	for _, file := range needs {
		if !bytes.Equal(before[file], after[file]) {
			diags = append(diags, report.Diagnostic{Code: diag.BuildFile, Severity: diag.Error, Source: headers[0],
				Message: file + " is generated from a changed header, and comes out different",
				Hint:    "Make the change in the C files that need it, or in a new header of their own."})
		}
	}
	return diags, nil
}

// generatedFrom returns the generated files beside whose makefile a header is
// named, and the units that want them.
func (t *Tree) generatedFrom(c *catalog, headers []string) (units []Unit, needs []string) {
	named := map[string]bool{} // by directory
	for i := range c.Units {
		before := len(needs)
		for _, file := range c.Units[i].Needs {
			dir := path.Dir(file)
			if _, known := named[dir]; !known {
				text, _ := os.ReadFile(filepath.Join(t.Dir, dir, "Makefile")) // none names nothing
				named[dir] = slices.ContainsFunc(headers, func(h string) bool { return bytes.Contains(text, []byte("/"+path.Base(h))) })
			}
			if named[dir] {
				needs = append(needs, file)
			}
		}
		if len(needs) > before {
			units = append(units, c.unit(i))
		}
	}
	return units, unique(needs)
}

// replace puts text in the place of a file of the view; nil takes it away.
func (s *shadow) replace(file string, text []byte) error {
	if err := s.expose(path.Dir(file)); err != nil {
		return err
	}
	at := filepath.Join(s.root, file)
	if err := os.Remove(at); err != nil && !os.IsNotExist(err) {
		return err
	}
	if text == nil {
		return nil
	}
	return os.WriteFile(at, text, 0o644)
}
