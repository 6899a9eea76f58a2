package testenv

import (
	"testing"
	"time"
)

// patience is far longer than anything that a test waits for, even on a busy machine.
const patience = 2 * time.Minute

// Await returns as soon as done reports true. A test that waits for a condition
// does not depend on the speed of the machine.
func Await(t testing.TB, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after %v: not %s", patience, what)
		}
	}
}
