// Package consent reads which consequences of a patch its author accepts, and removes accepted
// findings from the list of findings that refuse the patch.
package consent

import (
	"fmt"
	"slices"
	"strings"

	"kintsugi/internal/diag"
	"kintsugi/internal/fault"
	"kintsugi/internal/report"
)

// Given is a consent that somebody has given.
type Given struct {
	Code   diag.Code
	Symbol string // empty: any symbol
	By     report.Giver
}

// trailer begins a line of a patch's description that gives a consent.
const trailer = "Livepatch-Accept:"

// Flags reads the values of --accept, each CODE[:SYMBOL].
func Flags(values []string) ([]Given, error) {
	var list []Given
	for _, value := range values {
		code, symbol, _ := strings.Cut(value, ":")
		if err := check(code); err != nil {
			return nil, fmt.Errorf("--accept %s: %w", value, err)
		}
		list = append(list, Given{Code: diag.Code(code), Symbol: symbol, By: report.ByFlag})
	}
	return list, nil
}

// Trailers reads the lines "Livepatch-Accept: CODE SYMBOL" of a patch's description. A line of a
// diff is never mistaken for a trailer, because it begins with a space or a sign.
func Trailers(name, patch string) ([]Given, error) {
	var list []Given
	for line := range strings.Lines(patch) {
		rest, ok := strings.CutPrefix(line, trailer)
		if !ok {
			continue
		}
		code, symbol, _ := strings.Cut(strings.TrimSpace(rest), " ")
		if err := check(code); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", name, strings.TrimSpace(line), err)
		}
		list = append(list, Given{Code: diag.Code(code), Symbol: strings.TrimSpace(symbol), By: report.ByPatch})
	}
	return list, nil
}

// check refuses a code that cannot be accepted.
func check(code string) error {
	row, known := diag.Lookup(diag.Code(code))
	switch {
	case !known:
		err := fault.Inputf("no diagnostic %q", code)
		if near := diag.Near(code); len(near) > 0 {
			return err.Hint("did you mean %s?", near[0])
		}
		return err.Hint("docs/diagnostics.md lists all codes")
	case !slices.ContainsFunc(row.Severities(), row.Acceptable):
		return fault.Inputf("%s is of severity %s: only a finding of severity consent can be accepted", code, row.Severity)
	}
	return nil
}

// matches reports whether g accepts d.
func (g *Given) matches(d *report.Diagnostic) bool {
	row, _ := diag.Lookup(d.Code)
	return row.Acceptable(d.Severity) && d.Code == g.Code && (g.Symbol == "" || g.Symbol == d.Symbol)
}

// Settle moves accepted findings from the diagnostics of rep to its list of accepted findings.
func Settle(rep *report.Report, given []Given) {
	open := []report.Diagnostic{}
	for _, d := range rep.Diagnostics {
		if by, ok := giver(given, &d); ok {
			rep.Accepted = append(rep.Accepted, report.Accepted{Diagnostic: d, By: by})
		} else {
			open = append(open, d)
		}
	}
	rep.Diagnostics = open
}

func giver(given []Given, d *report.Diagnostic) (report.Giver, bool) {
	for i := range given {
		if given[i].matches(d) {
			return given[i].By, true
		}
	}
	return "", false
}

// Unused returns a warning for each consent that no finding of rep needs. Most likely its symbol is
// misspelt.
func Unused(rep *report.Report, given []Given) []report.Diagnostic {
	var list []report.Diagnostic
	for _, g := range given {
		if used(rep, &g) {
			continue
		}
		d := report.Found(report.Diagnostic{Code: diag.AcceptUnused, Symbol: g.Symbol,
			Message: fmt.Sprintf("no finding needs the consent to %s that the %s gives", g, g.By),
			Hint:    "Correct the symbol, or remove the consent."})
		list = append(list, d)
	}
	return list
}

func used(rep *report.Report, g *Given) bool {
	for i := range rep.Accepted {
		if g.matches(&rep.Accepted[i].Diagnostic) {
			return true
		}
	}
	return false
}

// String returns the consent as a value of --accept.
func (g Given) String() string {
	if g.Symbol == "" {
		return string(g.Code)
	}
	return string(g.Code) + ":" + g.Symbol
}
