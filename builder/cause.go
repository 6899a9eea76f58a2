package builder

import (
	"fmt"
	"log/slog"
	"slices"

	"kintsugi/elfdiff"
	"kintsugi/internal/debuginfo"
	"kintsugi/internal/patchfile"
	"kintsugi/internal/report"
)

// causes traces the causes of the unit's functions to the lines of the patch. If
// a function has code of a changed line, the cause is that line, and the inlined
// function that the code belongs to. changes are numbered like debug info.
func (u *changed) causes(changes map[string]*patchfile.Change) map[*elfdiff.Function][]report.Cause {
	causes := map[*elfdiff.Function][]report.Cause{}
	lines, err := debuginfo.ReadLines(u.diff.Patched.File)
	if err != nil {
		slog.Debug("line table", "unit", u.Unit.Source, "error", err)
	}
	for _, f := range u.diff.Functions {
		causes[f] = f.Cause
		if err == nil {
			causes[f] = u.cause(f, lines.Of(f.New), changes)
		}
	}
	return causes
}

// cause returns the chain of causes of f. If its last link is a change, and not
// another function of the module, the link is traced to the source.
func (u *changed) cause(f *elfdiff.Function, lines []debuginfo.Line,
	changes map[string]*patchfile.Change) []report.Cause {
	chain := slices.Clone(f.Cause)
	if len(chain) == 0 {
		return nil
	}
	last := &chain[len(chain)-1]
	if last.Symbol != f.Name {
		return chain // the chain ends at another function, which is traced itself
	}
	source, inline, exact := u.changedLine(lines, changes)
	last.Source = source
	if exact && inline != "" {
		chain = append(chain, report.Cause{Kind: report.ByInline, Symbol: inline, Source: source})
	}
	return chain
}

// changedLine is the first line of the patch that code in lines comes from. If
// there is none (a line was removed, a macro changed), it is the start of the
// nearest change, and exact is false.
func (u *changed) changedLine(lines []debuginfo.Line,
	changes map[string]*patchfile.Change) (source, inline string, exact bool) {
	for _, l := range lines {
		c := changes[l.File]
		if c == nil || c.Lines == nil {
			continue
		}
		if n := c.Lines.Patched(l.Number); n > 0 && c.Lines.Changed(n) {
			return fmt.Sprintf("%s:%d", l.File, n), l.Inline, true
		}
	}
	for _, file := range append([]string{u.Unit.Source}, u.Deps...) {
		if c := changes[file]; c != nil && c.Lines != nil {
			return nearestRegion(c, lines), "", false
		}
	}
	return "", "", false
}

func nearestRegion(c *patchfile.Change, lines []debuginfo.Line) string {
	var own []int
	for _, l := range lines {
		if n := c.Lines.Patched(l.Number); l.File == c.Path && n > 0 {
			own = append(own, n)
		}
	}
	regions := c.Lines.Regions()
	if len(regions) == 0 {
		return ""
	}
	best := regions[0]
	if len(own) > 0 {
		from, to := slices.Min(own), slices.Max(own)
		for _, r := range regions {
			if r.NewStart >= from && r.NewStart <= to+1 {
				best = r
				break
			}
		}
	}
	return fmt.Sprintf("%s:%d", c.Path, best.NewStart)
}
