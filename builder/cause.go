package builder

import (
	"fmt"
	"log/slog"
	"slices"

	"kintsugi/elfdiff"
	"kintsugi/internal/patchfile"
	"kintsugi/internal/report"
)

// traceCauses follows the causes of the unit's functions to the lines of the
// patch: where the function has code from a changed line, that line, and the
// inlined function it came through.
func (u *unit) traceCauses() {
	lines, err := u.diff.Patched.Lines()
	if err != nil {
		slog.Debug("line table", "unit", u.Unit.Source, "error", err)
		return
	}
	for _, f := range u.diff.Functions {
		u.traceCause(f, lines.Of(f.New))
	}
}

// traceCause completes the last link of a function's chain, the one that is
// about a change and not about another function of the module.
func (u *unit) traceCause(f *elfdiff.Function, lines []elfdiff.Line) {
	if len(f.Cause) == 0 {
		return
	}
	last := &f.Cause[len(f.Cause)-1]
	if last.Symbol != f.Name {
		return // the chain ends at another function, which is traced itself
	}
	source, inline, exact := u.changedLine(lines)
	last.Source = source
	if exact && inline != "" {
		f.Cause = append(f.Cause, report.Cause{Kind: "inline", Symbol: inline, Source: source})
	}
}

// changedLine is the first line of the patch that the code comes from. Where
// none does (a line was taken out, a macro changed) it is the start of the
// change nearest to the code.
func (u *unit) changedLine(lines []elfdiff.Line) (source, inline string, exact bool) {
	for _, l := range lines {
		c := u.changes[l.File]
		if c == nil || c.Lines == nil {
			continue
		}
		if n := c.Lines.Patched(l.Number); n > 0 && c.Lines.Changed(n) {
			return fmt.Sprintf("%s:%d", l.File, n), l.Inline, true
		}
	}
	for _, file := range append([]string{u.Unit.Source}, u.Deps...) {
		if c := u.changes[file]; c != nil && c.Lines != nil {
			return u.nearestRegion(c, lines), "", false
		}
	}
	return "", "", false
}

func (u *unit) nearestRegion(c *patchfile.Change, lines []elfdiff.Line) string {
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
