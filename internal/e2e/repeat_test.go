package e2e

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"kintsugi/builder"
)

// TestSameBytes builds in two processes in parallel, with different working directories, work
// directories and output directories, and compares all results.
func TestSameBytes(t *testing.T) {
	kernel := realTarget(t)
	patches := []string{absolute(t, "patches/included-sources.patch"), absolute(t, "patches/static-locals.patch")}
	var outs [2]string
	var group errgroup.Group
	for i := range outs {
		outs[i] = filepath.Join(t.TempDir(), strings.Repeat("long", i)+"out")
		cmd := buildCommand(t, kernel, t.TempDir(), outs[i], patches...)
		group.Go(func() error {
			text, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("%v\n%s", err, text)
			}
			return err
		})
	}
	if group.Wait() != nil {
		t.FailNow()
	}
	first, second := results(t, outs[0]), results(t, outs[1])
	if len(first) < 5 {
		t.Errorf("only %d files: %q", len(first), names(t, outs[0]))
	}
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("two builds differ (-first +second):\n%.4000s", diff)
	}
	for path, text := range first {
		for _, machine := range []string{outs[0], outs[1], kernel.Dir, os.TempDir() + "/"} {
			if strings.Contains(text, machine) {
				t.Errorf("%s contains the path %s", path, machine)
			}
		}
	}
}

// TestTwoAtOnce runs two different builds of one process on one target.
func TestTwoAtOnce(t *testing.T) {
	kernel := realTarget(t)
	var group errgroup.Group
	for _, name := range []string{"proc-string", "new-helper"} {
		out := t.TempDir()
		group.Go(func() error {
			rep, err := builder.Build(context.Background(),
				options(kernel, out, filepath.Join(testdata, "patches", name+".patch")))
			if err != nil {
				t.Errorf("%s: %s\n%s", name, explain(err), diagnostics(rep))
			}
			return nil
		})
	}
	_ = group.Wait()
}

// TestSeries builds several patches. The second needs the first, and the third changes other files.
func TestSeries(t *testing.T) {
	kernel := realTarget(t)
	t.Parallel()
	second := write(t, filepath.Join(t.TempDir(), "second.patch"), `--- a/fs/proc/devices.c
+++ b/fs/proc/devices.c
@@ -14,3 +14,3 @@
 		if (i == 0)
-			seq_puts(f, "Character devices by major:\n");
+			seq_puts(f, "Characters by major:\n");
 		chrdev_show(f, i);
`)
	out := t.TempDir()
	opts := options(kernel, out, filepath.Join(testdata, "patches/proc-string.patch"), second,
		filepath.Join(testdata, "patches/tracepoint.patch"))
	opts.Name = "series"
	rep, err := builder.Build(context.Background(), opts)
	if err != nil {
		t.Fatalf("%s\n%s", explain(err), diagnostics(rep))
	}
	functions, data := contents(rep)
	if diff := cmp.Diff([]string{"changed __set_task_comm", "changed devinfo_show"}, functions); diff != "" ||
		len(data) != 0 {
		t.Errorf("functions (-want +got):\n%s\ndata %q", diff, data)
	}
	if len(rep.Patches) != 3 {
		t.Errorf("%d patches in the report", len(rep.Patches))
	}
	probe := write(t, filepath.Join(t.TempDir(), "probe.sh"), `
head -n 1 /proc/devices
printf 'two words' > /proc/$$/comm
cat /proc/$$/comm
case $1 in
after) grep -qx 'Characters by major:' /proc/devices && grep -qx two_words /proc/$$/comm ;;
*)     grep -qx 'Character devices:' /proc/devices && grep -qx 'two words' /proc/$$/comm ;;
esac
`)
	boot(t, kernel, filepath.Join(out, rep.Module.Path), probe, nil)
}

// results returns every file below dir, with the report's timings removed.
func results(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	for path, text := range snapshot(t, dir) {
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			t.Fatal(err)
		}
		if rel == "report.json" {
			text = withoutTimings(t, text)
		}
		files[rel] = text
	}
	return files
}

func withoutTimings(t *testing.T, report string) string {
	t.Helper()
	var fields map[string]json.RawMessage
	if err := json.Unmarshal([]byte(report), &fields); err != nil {
		t.Fatal(err)
	}
	delete(fields, "timings_ms")
	text, err := json.MarshalIndent(fields, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// absolute returns a path of testdata for a process that runs elsewhere.
func absolute(t *testing.T, path string) string {
	t.Helper()
	abs, err := filepath.Abs(filepath.Join(testdata, path))
	if err != nil {
		t.Fatal(err)
	}
	return abs
}
