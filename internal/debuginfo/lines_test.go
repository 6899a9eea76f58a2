package debuginfo_test

import (
	"path/filepath"
	"slices"
	"testing"

	"kintsugi/internal/debuginfo"
	"kintsugi/internal/objmodel"
	"kintsugi/internal/testobj"
)

func TestLines(t *testing.T) {
	o, err := objmodel.Load(testobj.Build(t,
		"static inline __attribute__((always_inline)) int half(int x) {\n\treturn x / 2 + external_data;\n}\nint f(int x) "+
			"{\n\treturn external(half(x));\n}\nint g(int x) {\n\treturn external(x);\n}\n", "-g1"))
	if err != nil {
		t.Fatal(err)
	}
	lines, err := debuginfo.ReadLines(o.File)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]debuginfo.Line{"f": {{File: "unit.c", Number: 2, Inline: "half"}, {File: "unit.c", Number: 5}},
		"g": {{File: "unit.c", Number: 8}}}
	for _, a := range o.Functions() {
		got := lines.Of(a)
		for i := range got {
			got[i].File = filepath.Base(got[i].File)
		}
		for _, l := range want[a.Name] {
			if !slices.Contains(got, l) {
				t.Errorf("%s has no %v: %v", a.Name, l, got)
			}
		}
	}
}
