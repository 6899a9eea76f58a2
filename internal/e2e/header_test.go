package e2e

import (
	"context"
	"testing"

	"kintsugi/internal/target"
	"kintsugi/kbuild/plan"
)

// TestHeaders builds every patch of testdata/headers, each a change of headers that many units
// include, and checks its effect in a running kernel.
func TestHeaders(t *testing.T) {
	kernel := realTarget(t)
	for _, c := range readCases(t, testdata+"/headers") {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.checkWide(t, kernel)
			boot(t, kernel, c.build(t, kernel, t.TempDir()), c.probe(), nil)
		})
	}
}

// checkWide checks that many units include the headers of the head.
func (c *testCase) checkWide(t *testing.T, kernel *target.Target) {
	t.Helper()
	const many = 50
	machine, err := kernel.Machine()
	if err != nil {
		t.Fatal(err)
	}
	units, _, err := (&plan.Planner{Tree: kernel.Tree(machine, 2)}).Plan(context.Background(), c.head["Headers"])
	if err != nil || len(units) < many {
		t.Errorf("%d units, want at least %d: %v", len(units), many, err)
	}
}
