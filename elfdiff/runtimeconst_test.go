package elfdiff_test

import (
	"testing"

	"kintsugi/internal/testobj"
)

func TestRuntimeConstants(t *testing.T) {
	other := testobj.RuntimeConst +
		`int f(u64 x) { return x > const_ptr(LIMIT) ? external(1) : 0; } int g(u64 x) { return external(x > const_ptr(LIMIT)); }`
	own := testobj.RuntimeConst + `static u64 limit __attribute__((used)) = 5; void set(u64 x) { limit = x; } int f(u64 x) { return x > const_ptr(limit) ? external(1) : 0; }`
	shift := testobj.RuntimeConst +
		`int f(u64 x) { return external(const_shift(x, BITS)); } int g(int x) { return external(x); }`
	for _, p := range []pair{
		edit("of another unit", other, "external(1)", "external(2)", pair{functions: []string{"f"}}),
		edit("of the same unit", own, "external(1)", "external(2)", pair{functions: []string{"f"}}),
		edit("another one", other, "return x > const_ptr(LIMIT)", "return x > const_ptr(OTHER)",
			pair{functions: []string{"f"}}),
		edit("a new variable's", own, "static u64 limit",
			"static u64 fresh __attribute__((used)); int h(u64 x) { return x > const_ptr(fresh); } static u64 limit",
			pair{functions: []string{"+h"}, data: []string{}, refused: []string{"unknown-section"}}),
		edit("a shift", shift, "external(const", "external(1 + const",
			pair{functions: []string{"f"}, refused: []string{"unknown-section"}}),
		edit("beside a shift", shift, "external(x);", "external(x + 1);", pair{functions: []string{"g"}}),
	} {
		t.Run(p.name, func(t *testing.T) { p.run(t) })
	}
}
