package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kintsugi/builder"
	"kintsugi/internal/fault"
	"kintsugi/internal/report"
	"kintsugi/internal/target"
	"kintsugi/internal/testenv"
)

// TestKilled kills a build while its compilers run. The target must be unchanged, and must still
// build.
func TestKilled(t *testing.T) {
	kernel := realTarget(t)
	patch := absolute(t, "patches/included-sources.patch")
	warm(t, kernel, patch)
	before := fingerprint(t, kernel.Dir)

	out, tmp := t.TempDir(), t.TempDir()
	cmd := buildCommand(t, kernel, tmp, out, patch)
	start(t, cmd)
	awaitCompiler(t, cmd)
	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()

	if got := names(t, out); len(got) != 0 {
		t.Errorf("in the output directory: %q", got)
	}
	if diff := cmp.Diff(before, fingerprint(t, kernel.Dir)); diff != "" {
		t.Errorf("the target changed (-before +after):\n%.4000s", diff)
	}
	if rep, err := builder.Build(context.Background(), options(kernel, out, patch)); err != nil {
		t.Errorf("the next build: %s\n%s", explain(err), diagnostics(rep))
	}
	awaitNoCompiler(t, tmp)
}

// TestInterrupted sends a build the signal of Ctrl-C.
func TestInterrupted(t *testing.T) {
	kernel := realTarget(t)
	patch := absolute(t, "patches/included-sources.patch")
	warm(t, kernel, patch)
	before := fingerprint(t, kernel.Dir)

	out, tmp := t.TempDir(), t.TempDir()
	cmd := buildCommand(t, kernel, tmp, out, patch)
	output := start(t, cmd)
	awaitCompiler(t, cmd)
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != int(fault.Environment) {
		t.Errorf("%v, want exit status %d", err, fault.Environment)
	}
	if n := strings.Count(output.String(), "error: "); n != 1 {
		t.Errorf("%d error lines, want one:\n%s", n, output)
	}
	expectReportAlone(t, out, report.Failed)
	if got := names(t, tmp); len(got) != 0 {
		t.Errorf("left behind: %q", got)
	}
	if diff := cmp.Diff(before, fingerprint(t, kernel.Dir)); diff != "" {
		t.Errorf("the target changed (-before +after):\n%.4000s", diff)
	}
	awaitNoCompiler(t, tmp)
}

// warm stores in the target what a build caches there about its units.
func warm(t *testing.T, kernel *target.Target, patch string) {
	t.Helper()
	if rep, err := builder.Build(context.Background(), options(kernel, t.TempDir(), patch)); err != nil {
		t.Fatalf("%s\n%s", explain(err), diagnostics(rep))
	}
}

func start(t *testing.T, cmd *exec.Cmd) *bytes.Buffer {
	t.Helper()
	output := &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = output, output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return output
}

// fingerprint returns every file below dir with its size and times.
func fingerprint(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		files[path] = fmt.Sprint(info.Mode(), info.Size(), info.ModTime().UnixNano())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// awaitCompiler returns when a compiler started by cmd runs.
func awaitCompiler(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	testenv.Await(t, "compiling", func() bool {
		return slices.ContainsFunc(processes(), func(p process) bool {
			return p.name == "cc1" && descends(p.pid, cmd.Process.Pid)
		})
	})
}

// awaitNoCompiler fails if a compiler that writes below dir keeps running. If gcc is killed, its
// child outlives it until it is done.
func awaitNoCompiler(t *testing.T, dir string) {
	t.Helper()
	testenv.Await(t, "free of the build's processes", func() bool {
		return !slices.ContainsFunc(processes(), func(p process) bool {
			cwd, _ := os.Readlink(fmt.Sprintf("/proc/%d/cwd", p.pid))
			return strings.HasPrefix(cwd, dir)
		})
	})
}

type process struct {
	pid  int
	name string
}

func processes() []process {
	var list []process
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
		list = append(list, process{pid, strings.TrimSpace(string(name))})
	}
	return list
}

// descends reports whether ancestor is a direct or indirect parent of pid.
func descends(pid, ancestor int) bool {
	for pid > 1 {
		if pid == ancestor {
			return true
		}
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return false
		}
		_, rest, _ := strings.Cut(string(stat), ") ")
		fields := strings.Fields(rest)
		if len(fields) < 2 {
			return false
		}
		pid, _ = strconv.Atoi(fields[1])
	}
	return false
}
