package main

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"kintsugi/internal/patchfile"
	"kintsugi/internal/report"
	"kintsugi/kbuild/compile"
	"kintsugi/kbuild/plan"
)

// touched compares the module with the text of the change, independently of the differ: a function
// whose body a hunk touches must be in the module, or be inlined into functions that are.
//
// An entry of a list is not always an error. Code that the preprocessor or the optimizer removes is
// touched, and rightly absent. A macro or a constant outside all functions changes functions that
// no hunk touches.
type touched struct {
	Missing []string `json:"missing,omitempty"` // FUNCTION, or FUNCTION in HOLDER
	Same    []string `json:"same,omitempty"`    // missing functions whose code is the same before and after
	Extra   []string `json:"extra,omitempty"`   // changed functions in the module that no hunk touches
	Problem string   `json:"problem,omitempty"`
}

// touched compiles the units of a change's C files again and reads their debug info.
func (s *sweep) touched(ctx context.Context, c change, rep *report.Report) (*touched, error) {
	applied, err := s.applied(c.Name)
	if err != nil {
		return nil, err
	}
	sources, overlay := map[string]*patchfile.Change{}, map[string][]byte{}
	for _, ch := range applied.Changes {
		overlay[ch.Path] = ch.Pinned
		if filepath.Ext(ch.Path) == ".c" && s.has(ch.Path) {
			sources[ch.Path] = ch
		}
	}
	units, _, err := (&plan.Planner{Tree: s.tree}).Plan(ctx, slices.Sorted(maps.Keys(sources)))
	if err != nil {
		return nil, err
	}
	work, err := os.MkdirTemp("", "sweep-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(work)
	pairs, err := (&compile.Compiler{Tree: s.tree}).Compile(ctx, units, overlay, work)
	if err != nil {
		return nil, err
	}
	t := &touched{}
	for _, p := range pairs {
		before, err := readObject(p.Original)
		if err != nil {
			return nil, err
		}
		after, err := readObject(p.Patched)
		if err != nil {
			return nil, err
		}
		for _, file := range p.Unit.Changed {
			t.compare(before, after, sources[file], rep)
		}
	}
	return t, nil
}

// applied applies the patch of a change to the pristine tree.
func (s *sweep) applied(name string) (*patchfile.Result, error) {
	text, err := os.ReadFile(s.patchFile(name))
	if err != nil {
		return nil, err
	}
	patch, err := patchfile.Parse(filepath.Base(s.patchFile(name)), text)
	if err != nil {
		return nil, err
	}
	return patchfile.Apply(os.DirFS(s.target.Source), []*patchfile.Patch{patch}, patchfile.Options{})
}

// compare adds the findings about one unit.
func (t *touched) compare(before, after *object, change *patchfile.Change, rep *report.Report) {
	inModule := map[string]bool{}
	for _, f := range rep.Functions {
		inModule[sourceName(f.Name)] = true
	}
	hit := before.touchedBy(change)
	accounted := map[string]bool{}
	for _, name := range hit {
		for _, holder := range append(before.holders(name), after.holders(name)...) {
			accounted[holder] = true
			switch {
			case !after.emits(holder) || inModule[holder]:
			case before.code[holder] == after.code[holder]:
				t.Same = append(t.Same, place(name, holder))
			default:
				t.Missing = append(t.Missing, place(name, holder))
			}
		}
	}
	for _, f := range rep.Functions {
		if name := sourceName(f.Name); f.Status == report.StatusChanged && before.emits(name) && !accounted[name] {
			t.Extra = append(t.Extra, f.Name)
		}
	}
	t.Missing, t.Same, t.Extra = unique(t.Missing), unique(t.Same), unique(t.Extra)
}

func place(name, holder string) string {
	if name == holder {
		return name
	}
	return name + " in " + holder
}

// sourceName returns the source name of a symbol that the compiler split or cloned (foo.cold,
// foo.isra.0).
func sourceName(symbol string) string {
	name, _, _ := strings.Cut(symbol, ".")
	return name
}

func unique(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}

// touchedBy lists the functions of the original whose text the change touches.
func (o *object) touchedBy(change *patchfile.Change) []string {
	lines := strings.Split(string(change.Original), "\n")
	patched := strings.Split(string(change.Patched), "\n")
	var names []string
	for _, r := range change.Lines.Regions() {
		if comment(lines, r.OldStart, r.OldLines) && comment(patched, r.NewStart, r.NewLines) {
			continue
		}
		for _, f := range o.functions {
			if f.file == change.Path && overlaps(r, f.line, bodyEnd(lines, f.line)) {
				names = append(names, f.name)
			}
		}
	}
	return unique(names)
}

// overlaps reports whether the region changes anything in the lines from to to of the original.
// Text inserted before the first line does not belong to them.
func overlaps(r patchfile.Region, from, to int) bool {
	if r.OldLines == 0 {
		return r.OldStart > from && r.OldStart <= to
	}
	return r.OldStart <= to && r.OldStart+r.OldLines > from
}

// comment reports whether n lines from start (from 1) contain only comments.
func comment(lines []string, start, n int) bool {
	for i := start - 1; i < start-1+n && i < len(lines); i++ {
		text := strings.TrimSpace(lines[i])
		begins := func(prefix string) bool { return strings.HasPrefix(text, prefix) }
		if text != "" && !begins("//") && !begins("/*") && !begins("* ") && text != "*" && text != "*/" {
			return false
		}
	}
	return true
}

// bodyEnd returns the last line of the function that begins at line from. In the kernel's style, a
// brace in the first column ends it.
func bodyEnd(lines []string, from int) int {
	opened := false
	for n := from; n <= len(lines); n++ {
		line := lines[n-1]
		if strings.HasPrefix(line, "}") {
			return n
		}
		if opened {
			continue
		}
		if i := strings.Index(line, "{"); i >= 0 {
			if strings.Count(line, "{") == strings.Count(line, "}") {
				return n
			}
			opened = true
		} else if n < len(lines) && !continues(lines[n]) {
			return n // a macro that defines a function
		}
	}
	return len(lines)
}

// continues reports whether a line continues a function's head.
func continues(line string) bool {
	return strings.HasPrefix(line, "{") || strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t")
}
