package e2e

import (
	"context"
	"strings"
	"testing"

	"kintsugi/builder"
)

// TestLayouts changes types of the real kernel: the patches of
// testdata/layouts that say so are warned of, the others are not.
func TestLayouts(t *testing.T) {
	kernel := realTarget(t)
	for _, c := range readCases(t, testdata+"/layouts") {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			rep, err := builder.Check(context.Background(), options(kernel, t.TempDir(), c.path))
			if err != nil {
				t.Fatal(explain(err))
			}
			var said []string
			for _, d := range rep.Diagnostics {
				if d.Code == "layout-changed" {
					said = append(said, d.Message)
				}
			}
			want := c.head["Says"]
			if len(said) != len(want) || len(want) == 1 && !strings.Contains(said[0], want[0]) {
				t.Errorf("warned of %q, want %q", said, want)
			}
		})
	}
}
