package nonunit

import (
	"bytes"
	"context"
	"os"
	"path"
	"path/filepath"
	"slices"

	"kintsugi/internal/diag"
	"kintsugi/internal/report"
	"kintsugi/kbuild"
	"kintsugi/kbuild/catalog"
	"kintsugi/kbuild/generate"
	"kintsugi/kbuild/overlay"
)

// checkGenerated makes generated files again, from the patched headers, and returns a diagnostic
// for each that differs. Scripts read some headers as text: mkcapflags.sh reads asm/cpufeatures.h.
// It considers generated files beside a makefile that names one of the headers. The programs that
// run are those of the pristine tree; compareAll has shown that no changed header is compiled into
// them.
func checkGenerated(ctx context.Context, t *kbuild.Tree, c *catalog.Catalog, headers []string,
	changed map[string][]byte, work string) ([]report.Diagnostic, error) {
	units, needs := generatedFrom(t, c, headers)
	if len(needs) == 0 {
		return nil, nil
	}
	before, err := generate.Files(ctx, t, units, filepath.Join(work, "before"))
	if err != nil {
		return nil, err
	}
	view, err := overlay.Buildable(t.Dir, filepath.Join(work, "after"), needs)
	if err != nil {
		return nil, err
	}
	for _, h := range headers {
		if err := view.Replace(h, changed[h]); err != nil {
			return nil, err
		}
	}
	after, err := generate.In(ctx, t, view, needs)
	if err != nil {
		return nil, err
	}
	var diags []report.Diagnostic
	for _, file := range needs {
		if !bytes.Equal(before[file], after[file]) {
			diags = append(diags, report.Found(report.Diagnostic{Code: diag.BuildFile, Source: headers[0],
				Message: file + " is generated from a changed header, and changes too",
				Hint:    "Make the change in the C files that need it, or in a new header of their own."}))
		}
	}
	return diags, nil
}

// generatedFrom returns the generated files that are beside a makefile that names a header, and the
// units that need them.
func generatedFrom(t *kbuild.Tree, c *catalog.Catalog, headers []string) (units []kbuild.Unit, needs []string) {
	named := map[string]bool{} // by directory
	for i := range c.Units {
		before := len(needs)
		for _, file := range c.Units[i].Needs {
			dir := path.Dir(file)
			if _, known := named[dir]; !known {
				named[dir] = makefileNames(t, dir, headers)
			}
			if named[dir] {
				needs = append(needs, file)
			}
		}
		if len(needs) > before {
			units = append(units, c.Unit(i))
		}
	}
	return units, kbuild.Set(needs)
}

// makefileNames reports whether the makefile of dir names a header.
func makefileNames(t *kbuild.Tree, dir string, headers []string) bool {
	text, _ := os.ReadFile(filepath.Join(t.Dir, dir, "Makefile")) // a missing makefile names nothing
	return slices.ContainsFunc(headers, func(h string) bool { return bytes.Contains(text, []byte("/"+path.Base(h))) })
}
