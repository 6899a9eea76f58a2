package elfdiff_test

import (
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kintsugi/elfdiff"
	"kintsugi/internal/extract"
	"kintsugi/internal/objmodel"
)

// pair is one change and its expected result.
type pair struct {
	name          string
	orig, patched string
	functions     []string // name, with "+" before new and "~" before private ones
	data          []string // status:name
	refused       []string // codes
}

// summary returns a result in the form of a pair.
func summary(r *elfdiff.Result) (functions, data, refused []string) {
	for _, f := range r.Functions {
		switch {
		case f.Old == nil:
			functions = append(functions, "+"+f.Name)
		case !f.Patch:
			functions = append(functions, "~"+f.Name)
		default:
			functions = append(functions, f.Name)
		}
	}
	for _, d := range r.Data {
		data = append(data, string(d.Status)+":"+objmodel.StableName(d.Name))
	}
	for _, d := range r.Diagnostics {
		refused = append(refused, string(d.Code))
	}
	for _, l := range [][]string{functions, data, refused} {
		sort.Strings(l)
	}
	return functions, data, refused
}

func (p pair) run(t *testing.T, flags ...string) {
	t.Helper()
	p.judge(t, diffSources(t, p.orig, p.patched, flags...))
}

func (p pair) judge(t *testing.T, r *elfdiff.Result) {
	t.Helper()
	functions, data, refused := summary(r)
	check := func(what string, want, got []string) {
		sort.Strings(want)
		if diff := cmp.Diff(strings.Join(want, " "), strings.Join(got, " ")); diff != "" {
			t.Errorf("%s (-want +got):\n%s%v", what, diff, r.Diagnostics)
		}
	}
	check("functions", p.functions, functions)
	check("data", p.data, data)
	check("refusals", p.refused, refused)
	if len(refused) > 0 || t.Failed() {
		return
	}
	if _, err := extract.Cut(r, extract.Options{Prefix: "klp_"}); err != nil {
		t.Errorf("extract: %v", err)
	}
}

func edit(name, source, old, new string, p pair) pair {
	p.name = name
	p.orig, p.patched = swap(source, old, new)
	return p
}
