package elfdiff_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kintsugi/elfdiff"
	"kintsugi/internal/elfobj"
)

// rings is assembly: functions that each load one table, and tables that each have a value and the
// distances to others.
type rings struct {
	loads []string // by function (f0, f1, …): the table that it loads
	links map[string][]string
	named bool // the tables have symbols
}

func (r rings) assemble(t *testing.T, values map[string]int) *elfobj.File {
	t.Helper()
	var b strings.Builder
	for i, table := range r.loads {
		fmt.Fprintf(&b, ".section .text.f%d,\"ax\",@progbits\n.globl f%[1]d\n.type f%[1]d,@function\n", i)
		fmt.Fprintf(&b, "f%d: call __fentry__\nmovq %s(%%rip), %%rax\nret\n.size f%[1]d, .-f%[1]d\n", i, r.label(table))
		fmt.Fprintf(&b, ".section __mcount_loc,\"a\",@progbits\n.quad f%d\n", i)
	}
	for _, table := range []string{"a", "b", "c", "d"} {
		fmt.Fprintf(&b, ".section .rodata.%s,\"a\",@progbits\n.balign 8\n", table)
		if r.named {
			fmt.Fprintf(&b, ".type %s,@object\n", r.label(table))
		}
		fmt.Fprintf(&b, "%s: .quad %d\n", r.label(table), values[table])
		for _, other := range r.links[table] {
			fmt.Fprintf(&b, ".long %s - .\n", r.label(other))
		}
		if r.named {
			fmt.Fprintf(&b, ".size %s, .-%[1]s\n", r.label(table))
		}
	}
	dir := t.TempDir()
	source, object := filepath.Join(dir, "rings.s"), filepath.Join(dir, "rings.o")
	if err := os.WriteFile(source, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	run(t, "as", "-o", object, source)
	return readObject(t, object)
}

func (r rings) label(table string) string {
	if r.named {
		return "table_" + table
	}
	return ".Ltable_" + table
}

// TestCycles has tables that refer to each other in cycles. A changed table changes every function
// that reaches it.
func TestCycles(t *testing.T) {
	two := map[string][]string{"a": {"b"}, "b": {"a"}}
	three := map[string][]string{"a": {"b"}, "b": {"c"}, "c": {"a"}}
	loops := map[string][]string{"a": {"b", "d"}, "b": {"c"}, "c": {"a"}, "d": {"b"}}
	tail := map[string][]string{"a": {"b"}, "b": {"a", "c"}, "c": {"d"}}
	four := map[string][]string{"a": {"b"}, "b": {"c", "a"}, "c": {"d", "b"}, "d": {"c", "a"}}
	for _, c := range []struct {
		name  string
		loads string
		links map[string][]string
		named bool
		value string // table whose value changes
		want  pair
	}{
		{"two", "a b", two, false, "a", pair{functions: []string{"f0", "f1"}}},
		{"two, from the other", "b a", two, false, "a", pair{functions: []string{"f0", "f1"}}},
		{"two, unchanged", "a b", two, false, "", pair{}},
		{"two with names", "a b", two, true, "a",
			pair{functions: []string{"f0", "f1"}, data: []string{"changed:table_a", "changed:table_b"}}},
		{"three", "b c a", three, false, "a", pair{functions: []string{"f0", "f1", "f2"}}},
		{"three, the last", "a b c", three, false, "c", pair{functions: []string{"f0", "f1", "f2"}}},
		{"three, unchanged", "a b c", three, false, "", pair{}},
		{"two loops", "d c b a", loops, false, "d", pair{functions: []string{"f0", "f1", "f2", "f3"}}},
		{"two loops, the shared one", "a b c d", loops, false, "b", pair{functions: []string{"f0", "f1", "f2", "f3"}}},
		{"behind a cycle", "a b c d", tail, false, "d", pair{functions: []string{"f0", "f1", "f2", "f3"}}},
		{"before what a cycle leads to", "a b c d", tail, false, "a", pair{functions: []string{"f0", "f1"}}},
		{"four, both ways", "a b c d", four, false, "d", pair{functions: []string{"f0", "f1", "f2", "f3"}}},
		{"four, both ways, from the last", "d c b a", four, false, "a",
			pair{functions: []string{"f0", "f1", "f2", "f3"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := rings{loads: strings.Fields(c.loads), links: c.links, named: c.named}
			before := map[string]int{"a": 1, "b": 1, "c": 1, "d": 1}
			after := map[string]int{"a": 1, "b": 1, "c": 1, "d": 1}
			if c.value != "" {
				after[c.value] = 2
			}
			result, err := elfdiff.Diff(r.assemble(t, before), r.assemble(t, after))
			if err != nil {
				t.Fatal(err)
			}
			c.want.judge(t, result)
		})
	}
}
