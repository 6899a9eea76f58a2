package elfdiff_test

import (
	"testing"

	"kintsugi/elfdiff"
	"kintsugi/internal/extract"
)

func extracted(t *testing.T, r *elfdiff.Result) *extract.Object {
	t.Helper()
	x, err := extract.Cut(r, extract.Options{Prefix: "klp0_"})
	if err != nil {
		t.Fatal(err)
	}
	return x
}
