package e2e

import "testing"

// TestTarget opens the test target, and logs which one the other tests use.
func TestTarget(t *testing.T) {
	kernel := realTarget(t)
	t.Logf("%s, %s, %s", kernel.Release, kernel.Version, kernel.Compiler)
	if kernel.Origin != "debian" || kernel.Release == "" {
		t.Errorf("%+v", kernel)
	}
}
