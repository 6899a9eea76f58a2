package main

import (
	"fmt"
	"slices"
	"strings"
)

// budget limits code other than tests. .golangci.yml has the same numbers.
type budget struct {
	functionLines, complexity, columns int
}

var budgets = budget{functionLines: 80, complexity: 20, columns: narrowest}

// excess is something that exceeds a budget.
type excess struct {
	place
	text string
}

func (e excess) String() string { return fmt.Sprintf("%s:%d: %s", e.file, e.line, e.text) }

func (c *code) exceeding(b budget) []excess {
	var list []excess
	check := func(at place, value, limit int, format string, args ...any) {
		if value > limit {
			list = append(list, excess{at, fmt.Sprintf(format, append(args, value, limit)...)})
		}
	}
	for _, f := range c.functions {
		check(f.place, f.lines, b.functionLines, "%s has %d lines, at most %d", f.name)
		check(f.place, f.complexity, b.complexity, "%s has complexity %d, at most %d", f.name)
	}
	for _, l := range c.wide {
		if !l.test {
			check(l.place, l.width, b.columns, "the line has %d columns, at most %d")
		}
	}
	slices.SortStableFunc(list, func(a, b excess) int {
		if c := strings.Compare(a.file, b.file); c != 0 {
			return c
		}
		return a.line - b.line
	})
	return list
}
