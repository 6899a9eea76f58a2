package elfdiff_test

import (
	"debug/elf"
	"slices"
	"strings"
	"testing"

	"kintsugi/elfdiff"
)

// TestSharedElsewhere has functions in one section on architectures whose branches are not decoded.
// The change must be found and refused.
func TestSharedElsewhere(t *testing.T) {
	orig, patched := swap(manySided, `calls += x; return`, `calls -= x; return`)
	for _, m := range machines {
		t.Run(m.name, func(t *testing.T) {
			whole := []string{"-fno-function-sections", "-fno-data-sections"}
			r, err := elfdiff.Diff(m.compile(t, orig, whole...), m.compile(t, patched, whole...))
			if err != nil {
				t.Fatal(err)
			}
			functions, _, refused := summary(r)
			if !strings.Contains(strings.Join(functions, " "), "helper") ||
				!strings.Contains(strings.Join(refused, " "), "shared-section") {
				t.Errorf("functions %v, diagnostics %v", functions, r.Diagnostics)
			}
		})
	}
}

// TestSharedTable has a jump table with distances from its start. They do not show in which
// function of the section they end.
func TestSharedTable(t *testing.T) {
	source := `int f(int x) { switch (x) { case 0: return external(1); case 1: printk("c"); return 3; case 2: return external(77) + 3; case 3: printk("a"); return 1; case 4: printk("b"); return x; case 5: return external(x) * 3; } return 0; }
int g(int x) { return external(x); } int h(int x) { return external(x + 1); }`
	orig, patched := swap(source, "external(77)", "external(78)")
	flags := slices.DeleteFunc(slices.Clone(kernelFlags), func(f string) bool {
		return slices.Contains([]string{"-pg", "-mrecord-mcount", "-mfentry", "-mcmodel=kernel", "-fno-jump-tables"}, f)
	})
	flags = append(flags, "-fPIE", "-fvisibility=hidden", "-fno-reorder-blocks-and-partition")
	for _, test := range []struct {
		flags, refused []string
	}{
		{flags, nil},
		{append(slices.Clone(flags), "-fno-function-sections", "-fno-data-sections"), []string{"shared-section"}},
	} {
		a, b := buildWith(t, "gcc", orig, test.flags), buildWith(t, "gcc", patched, test.flags)
		sites := machine{address: uint32(elf.R_X86_64_64)}
		sites.addSites(a)
		sites.addSites(b)
		r, err := elfdiff.Diff(a, b)
		if err != nil {
			t.Fatal(err)
		}
		pair{functions: []string{"f"}, refused: test.refused}.judge(t, r)
	}
}
