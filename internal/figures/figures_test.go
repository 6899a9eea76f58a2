package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSample(t *testing.T) {
	c, err := measure("testdata/sample")
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	c.print(&table)
	const want = `functions, median / p90 / max lines  1 / 20 / 20
files, median / max lines            42 / 42
cyclomatic complexity above 15, max  0, 9
exported names documented            80 %
test / code lines                    0.07 (3 / 42)
lines over 140 columns               1 (tests 1)
lines over 120 columns               2 (tests 1)
`
	if diff := cmp.Diff(want, table.String()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	var over []string
	for _, e := range c.exceeding(budget{functionLines: 19, complexity: 8, columns: 120}) {
		over = append(over, e.String())
	}
	wantOver := []string{
		"a.go:19: Branches has 20 lines, at most 19",
		"a.go:19: Branches has complexity 9, at most 8",
		"a.go:41: the line has 121 columns, at most 120",
		"a.go:42: the line has 242 columns, at most 120",
	}
	if diff := cmp.Diff(wantOver, over); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if over := c.exceeding(budget{functionLines: 20, complexity: 9, columns: 242}); len(over) > 0 {
		t.Errorf("within the budget, and found: %v", over)
	}
}

// wideLines is the number of lines that may still exceed the budget of columns. It must only
// decrease.
const wideLines = 10

// TestBudgets holds the project's own code to the budgets.
func TestBudgets(t *testing.T) {
	c, err := measure("../..")
	if err != nil {
		t.Fatal(err)
	}
	if len(c.functions) < 1000 {
		t.Fatalf("only %d functions found", len(c.functions))
	}
	wide := 0
	for _, e := range c.exceeding(budgets) {
		if strings.HasPrefix(e.text, "the line has") {
			wide++
			t.Log(e)
			continue
		}
		t.Error(e)
	}
	if wide > wideLines {
		t.Errorf("%d lines are wider than %d columns, at most %d", wide, budgets.columns, wideLines)
	}
}
