// Package e2e holds end-to-end tests: real patches become modules for the test target, a kernel of
// Debian's 6.1 series, and are loaded into this kernel under QEMU. Some tests add further targets
// to the user's store.
//
// They need the target that KINTSUGI_TEST_TARGET names, its compiler, and QEMU.
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

// testdata is the project's folder testdata, relative to this package.
const testdata = "../../testdata"

// scratch is a folder that is removed after all tests.
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

// realTarget returns the test target.
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

// added returns the kernel that add returns. It skips the test without a test target, because
// adding a kernel needs a network and takes minutes.
func added(t *testing.T, add func() (*target.Target, error)) *target.Target {
	t.Helper()
	testenv.Kernel(t)
	kernel, err := add()
	if err != nil {
		t.Fatalf("target: %s", explain(err))
	}
	return kernel
}

// adder returns a function that adds Debian's newest kernel of a series to the user's store, once.
// The next run finds it there.
func adder(series string) func() (*target.Target, error) {
	return sync.OnceValues(func() (*target.Target, error) {
		store, err := target.DefaultStore()
		if err != nil {
			return nil, err
		}
		return store.AddDebian(context.Background(), series, nil)
	})
}

// program returns the path of the kintsugi binary, which is both the command and the guest's init.
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

// buildCommand runs kintsugi build as a process, with tmp as its TMPDIR and working directory.
func buildCommand(t *testing.T, kernel *target.Target, tmp, out string, patches ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(program(t), append([]string{"build", "-t", kernel.Name, "-o", out}, patches...)...)
	cmd.Dir = tmp
	cmd.Env = append(os.Environ(), "TMPDIR="+tmp)
	return cmd
}

// explain returns an error with its class, code and hints.
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
