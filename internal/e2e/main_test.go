// Package e2e holds the tests that take the whole way: real patches become
// modules for the test target, a 6.1 kernel of Debian's, and are loaded into
// that kernel under QEMU. Some tests add further targets to the user's store.
//
// They need the target that KINTSUGI_TEST_TARGET names, its compiler and QEMU.
package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"

	"kintsugi/internal/fault"
	"kintsugi/internal/target"
	"kintsugi/internal/testenv"
)

// testdata is the project's, seen from this package.
const testdata = "../../testdata"

// scratch is removed when all tests are done.
var scratch string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	var err error
	if scratch, err = os.MkdirTemp("", "kintsugi-e2e-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(scratch)
	return m.Run()
}

// realTarget is the test target, the kernel that most tests are about.
func realTarget(t *testing.T) *target.Target {
	t.Helper()
	name := testenv.Kernel(t).Name
	return added(t, func() (*target.Target, error) {
		store, err := target.DefaultStore()
		if err != nil {
			return nil, err
		}
		return store.Open(name)
	})
}

// added is the kernel that add returns. It is skipped without a test target:
// adding a kernel takes a network and minutes.
func added(t *testing.T, add func() (*target.Target, error)) *target.Target {
	t.Helper()
	testenv.Kernel(t)
	kernel, err := add()
	if err != nil {
		t.Fatalf("target: %s", explain(err))
	}
	return kernel
}

// adder adds the newest kernel of a series of Debian's once, to the user's
// store, where the next run finds it.
func adder(series string) func() (*target.Target, error) {
	return sync.OnceValues(func() (*target.Target, error) {
		store, err := target.DefaultStore()
		if err != nil {
			return nil, err
		}
		return store.AddDebian(context.Background(), series, nil)
	})
}

// program is the kintsugi binary: the command, and the guest's init.
func program(t *testing.T) string {
	t.Helper()
	path, err := buildProgram()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var buildProgram = sync.OnceValues(func() (string, error) {
	return testenv.BuildProgram(scratch)
})

// buildCommand is kintsugi build as a process of its own with tmp as its
// TMPDIR and working directory.
func buildCommand(t *testing.T, kernel *target.Target, tmp, out string, patches ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(program(t), append([]string{"build", "-t", kernel.Name, "-o", out}, patches...)...)
	cmd.Dir = tmp
	cmd.Env = append(os.Environ(), "TMPDIR="+tmp)
	return cmd
}

// explain is an error with its class, code and hints.
func explain(err error) string {
	text := fmt.Sprintf("%v (class %d, code %q)", err, fault.ClassOf(err), fault.CodeOf(err))
	for _, hint := range fault.Hints(err) {
		text += "\n\thint: " + hint
	}
	if errors.Is(err, context.Canceled) {
		text += "\n\t(canceled)"
	}
	return text
}
