package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"kintsugi/internal/diag"
	"kintsugi/internal/report"
	"kintsugi/internal/text"
)

// result is everything that a sweep found.
type result struct {
	Older    string     `json:"older"` // versions of the source
	Newer    string     `json:"newer"`
	Release  string     `json:"release"` // uname -r of the older kernel
	Changes  int        `json:"changes"` // number of changes; Outcomes has those that were run
	Outcomes []*outcome `json:"outcomes"`
}

// alone is the code of a change that compiles only together with another.
const alone = diag.PatchCompile

// ok reports whether kintsugi itself has no fault.
func (r *result) ok() bool {
	return !slices.ContainsFunc(r.Outcomes, func(o *outcome) bool {
		return o.Verdict == report.Failed && o.Code != alone || o.Boot != nil && !o.Boot.OK
	})
}

// line prints an outcome for a person.
func (o *outcome) line() string {
	s := fmt.Sprintf("%-8s%-48s", o.Verdict, o.Name)
	if o.Verdict == report.OK {
		s += " " + text.Count(len(o.Functions), "function") + ": " + strings.Join(o.Functions, " ")
	}
	if o.Code != "" {
		for _, code := range slices.Compact(append([]diag.Code{o.Code}, o.Codes...)) {
			s += " " + string(code)
		}
	}
	s += fmt.Sprintf(" (%.1f s)", o.Seconds)
	if o.Verdict != report.OK && o.Message != "" {
		s += "\n        " + strings.ReplaceAll(strings.TrimSpace(o.Message), "\n", "\n        ")
	}
	return s + o.Touched.lines()
}

// lines prints what a person should check, indented.
func (t *touched) lines() string {
	if t == nil {
		return ""
	}
	var s string
	for _, list := range []struct {
		what  string
		names []string
	}{
		{"touched, not in the module", t.Missing},
		{"touched, same code", t.Same},
		{"changed, not touched", t.Extra},
	} {
		if len(list.names) > 0 {
			s += "\n        " + list.what + ": " + strings.Join(list.names, ", ")
		}
	}
	if t.Problem != "" {
		s += "\n        touched functions unknown: " + t.Problem
	}
	return s
}

func (o *outcome) bootLine() string {
	verdict := "boot ok"
	if !o.Boot.OK {
		verdict = "boot FAILED"
	}
	return strings.TrimSpace(fmt.Sprintf("%s %s (%.1f s) %s", verdict, o.Name, o.Boot.Seconds, o.Boot.Reason))
}

// kind is the row of the table in which an outcome counts.
type kind struct {
	Verdict report.Verdict
	Code    diag.Code
}

func (k kind) String() string {
	if k.Verdict == report.OK {
		return "module"
	}
	return strings.TrimSpace(string(k.Verdict) + " " + string(k.Code))
}

// compare sorts modules first and faults of kintsugi last.
func (k kind) compare(l kind) int {
	order := []report.Verdict{report.OK, report.Fixed, report.Refused, report.Nothing, report.Failed}
	return cmp.Or(cmp.Compare(slices.Index(order, k.Verdict), slices.Index(order, l.Verdict)), cmp.Compare(k.Code, l.Code))
}

// write prints the table. Percentages are of the changes that compile.
func (r *result) write(out io.Writer) {
	counts := map[kind]int{}
	for _, o := range r.Outcomes {
		counts[kind{o.Verdict, o.Code}]++
	}
	lone := counts[kind{report.Failed, alone}]
	delete(counts, kind{report.Failed, alone})
	all := len(r.Outcomes) - lone
	table := text.Table{Align: "lrr"}
	for _, k := range slices.SortedFunc(maps.Keys(counts), kind.compare) {
		table.Row(k.String(), fmt.Sprint(counts[k]), fmt.Sprintf("%.1f %%", 100*float64(counts[k])/float64(all)))
	}
	table.Row("all", fmt.Sprint(all))
	table.Row("do not compile alone", fmt.Sprint(lone))
	fmt.Fprintf(out, "\n%s", table.String())
	fmt.Fprint(out, r.bootSum())
}

func (r *result) bootSum() string {
	ok, all := 0, 0
	for _, o := range r.Outcomes {
		if o.Boot != nil {
			all++
			if o.Boot.OK {
				ok++
			}
		}
	}
	if all == 0 {
		return ""
	}
	return fmt.Sprintf("loaded and unloaded: %d of %s\n", ok, text.Count(all, "module"))
}
