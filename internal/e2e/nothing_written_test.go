package e2e

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"kintsugi/builder"
	"kintsugi/internal/fault"
	"kintsugi/internal/report"
)

// TestFailureReported checks that a failed build leaves only its report, in a new folder and in
// place of the results of an earlier build.
func TestFailureReported(t *testing.T) {
	kernel := realTarget(t)
	t.Parallel()
	empty := write(t, filepath.Join(t.TempDir(), "empty.patch"), "")
	for name, c := range map[string]struct {
		patch   string
		verdict report.Verdict
	}{
		"empty":   {empty, report.Failed},
		"missing": {filepath.Join(t.TempDir(), "missing.patch"), report.Failed},
		"refused": {filepath.Join(testdata, "refusals/init-code.patch"), report.Refused},
		"nothing": {filepath.Join(testdata, "refusals/nothing-comment.patch"), report.Nothing},
	} {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out")
			for range 2 {
				rep, err := builder.Build(context.Background(), options(kernel, out, c.patch))
				if err == nil || rep.Verdict != c.verdict {
					t.Fatalf("verdict %s, want %s: %v", rep.Verdict, c.verdict, err)
				}
				expectReportAlone(t, out, c.verdict)
				earlierBuild(t, out)
			}
		})
	}
}

// earlierBuild gives dir the contents that a successful build leaves.
func earlierBuild(t *testing.T, dir string) {
	t.Helper()
	rep := report.New("test")
	rep.Verdict, rep.Module = report.OK, &report.Module{Path: "old.ko"}
	text, err := json.Marshal(rep)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "src"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "report.json"), string(text))
	write(t, filepath.Join(dir, "old.ko"), "old")
	write(t, filepath.Join(dir, "src/livepatch.c"), "old")
}

func expectReportAlone(t *testing.T, dir string, want report.Verdict) {
	t.Helper()
	if got := names(t, dir); !slices.Equal(got, []string{"report.json"}) {
		t.Fatalf("in the output directory: %q", got)
	}
	data, err := os.ReadFile(filepath.Join(dir, "report.json"))
	var rep report.Report
	if err != nil || json.Unmarshal(data, &rep) != nil {
		t.Fatalf("report.json: %v\n%s", err, data)
	}
	if rep.Verdict != want || rep.Module != nil || want == report.Failed && rep.Error == nil {
		t.Errorf("report.json has verdict %s, module %v, error %v; want verdict %s", rep.Verdict, rep.Module, rep.Error, want)
	}
}

// TestFullDisk fills the disk of the output directory, and then of the work directory.
func TestFullDisk(t *testing.T) {
	kernel := realTarget(t)
	if os.Geteuid() != 0 {
		t.Skip("only root can mount a small file system to fill")
	}
	patch := filepath.Join(testdata, "patches/proc-string.patch")

	t.Run("output", func(t *testing.T) {
		out := smallDisk(t, "16k")
		earlierBuild(t, out)
		_, err := builder.Build(context.Background(), options(kernel, out, patch))
		expectFullDisk(t, err)
		expectReportAlone(t, out, report.Failed)
	})
	for _, size := range []string{"16k", "100k", "200k", "300k"} {
		t.Run("work "+size, func(t *testing.T) {
			tmp, out := smallDisk(t, size), t.TempDir()
			t.Setenv("TMPDIR", tmp)
			_, err := builder.Build(context.Background(), options(kernel, out, patch))
			expectFullDisk(t, err)
			expectReportAlone(t, out, report.Failed)
			if got := names(t, tmp); len(got) != 0 {
				t.Errorf("left behind: %q", got)
			}
		})
	}
}

func expectFullDisk(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		t.Fatal("built on a full disk")
	}
	t.Log(explain(err))
	if class := fault.ClassOf(err); class != fault.Environment {
		t.Errorf("class %d, want %d", class, fault.Environment)
	}
	if !strings.Contains(err.Error(), "no space left on device") {
		t.Error("the error does not report that the disk is full")
	}
	if len(fault.Hints(err)) == 0 {
		t.Error("there is no hint")
	}
}

// smallDisk mounts an empty file system of the given size.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("kintsugi-test", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("this machine does not let root mount: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}
