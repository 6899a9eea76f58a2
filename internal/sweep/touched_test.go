package main

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kintsugi/internal/patchfile"
	"kintsugi/internal/report"
)

const before = `int seen;
static __attribute__((always_inline)) inline int deep(int x)
{
	return x * 3;
}

static __attribute__((always_inline)) inline int helper(int x)
{
	return deep(x) + 1;
}

int one(int x)
{
	return helper(x);
}

int two(int x)
{
	return helper(x) * 2;
}

int three(int x)
{
	/* says nothing */
	return x;
}
`

// Each case edits before, and lists the functions that the edit touches.
func TestTouchedBy(t *testing.T) {
	for _, c := range []struct {
		name, old, new string
		want           []string
	}{
		{"a body", "return x;", "return -x;", []string{"three"}},
		{"an inlined body", "x * 3", "x * 5", []string{"deep"}},
		{"two bodies", "helper(x)", "helper(x + 1)", []string{"one", "two"}},
		{"a comment", "says nothing", "says much", nil},
		{"a line added", "\treturn x;", "\tseen++;\n\treturn x;", []string{"three"}},
		{"a line added above", "int three", "int more;\nint three", nil},
		{"outside", "int seen;", "long seen;", nil},
	} {
		after := strings.ReplaceAll(before, c.old, c.new)
		got := compiled(t, before).touchedBy(edited(t, before, after))
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

func TestCompare(t *testing.T) {
	after := strings.ReplaceAll(before, "x * 3", "x * 5")
	rep := &report.Report{Functions: []report.Function{{Name: "one", Status: "changed"},
		{Name: "three", Status: "changed"}}}
	var got touched
	got.compare(compiled(t, before), compiled(t, after), edited(t, before, after), rep)
	want := touched{Missing: []string{"deep in two"}, Extra: []string{"three"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestCompareSameCode(t *testing.T) {
	after := strings.ReplaceAll(before, "\treturn x;", "\tif (0)\n\t\tx++;\n\treturn x;")
	var got touched
	got.compare(compiled(t, before), compiled(t, after), edited(t, before, after), &report.Report{})
	if diff := cmp.Diff(touched{Same: []string{"three"}}, got); diff != "" {
		t.Error(diff)
	}
}

func TestHolders(t *testing.T) {
	o := compiled(t, before)
	got := slices.Sorted(maps.Keys(o.holding["deep"]))
	if diff := cmp.Diff([]string{"one", "two"}, got); diff != "" {
		t.Error(diff)
	}
	if o.emits("deep") || !o.emits("one") {
		t.Errorf("emitted: %v", o.holding)
	}
}

// edited returns a patch of unit.c from the texts before and after.
func edited(t *testing.T, before, after string) *patchfile.Change {
	t.Helper()
	dir := t.TempDir()
	put(t, filepath.Join(dir, "unit.c"), before)
	put(t, filepath.Join(dir, "after"), after)
	cmd := exec.Command("diff", "-u", "--label", "a/unit.c", "--label", "b/unit.c", "unit.c", "after")
	cmd.Dir = dir
	text, _ := cmd.Output() // exits with 1
	patch, err := patchfile.Parse("unit.patch", text)
	if err != nil {
		t.Fatal(err)
	}
	result, err := patchfile.Apply(os.DirFS(dir), []*patchfile.Patch{patch}, patchfile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return result.Changes[0]
}

func compiled(t *testing.T, text string) *object {
	t.Helper()
	dir := t.TempDir()
	put(t, filepath.Join(dir, "unit.c"), text)
	cmd := exec.Command("gcc", "-O2", "-g", "-ffunction-sections", "-fdebug-prefix-map="+dir+"=.", "-c", "unit.c")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	data, err := os.ReadFile(filepath.Join(dir, "unit.o"))
	if err != nil {
		t.Fatal(err)
	}
	o, err := readObject(data)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
