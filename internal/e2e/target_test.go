package e2e

import "testing"

// TestTarget adds the target, which takes its time when it is not there, and
// says which one the other tests are about.
func TestTarget(t *testing.T) {
	kernel := realTarget(t)
	t.Logf("%s, %s, %s", kernel.Release, kernel.Version, kernel.Compiler)
	if kernel.Origin != "debian" || kernel.Release == "" {
		t.Errorf("%+v", kernel)
	}
}
