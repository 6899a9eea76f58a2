package publish

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// version is a result whose files all hold the same number.
func version(n int) Result {
	text := []byte(fmt.Sprint("version ", n))
	files := map[string][]byte{"report.json": text, "src/Kbuild": text, "src/livepatch.c": text, moduleName(n): text}
	return Result{Files: files, Mark: "report.json", Stale: []string{moduleName(n - 1), "src"}}
}

// moduleName differs between versions: the earlier module must go.
func moduleName(n int) string { return fmt.Sprintf("v%d.ko", n) }

func filesOf(r Result) map[string]string {
	files := map[string]string{}
	for name, data := range r.Files {
		files[name] = string(data)
	}
	return files
}

func readFiles(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	if resolved, err := filepath.EvalSymlinks(dir); err == nil {
		dir = resolved
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		files[name] = string(data)
		return err
	})
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return files
}

func expectFiles(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	if diff := cmp.Diff(want, readFiles(t, dir)); diff != "" {
		t.Errorf("files in the folder (-want +got):\n%s", diff)
	}
}

func expectNames(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s has %q, want %q", dir, got, want)
	}
}

func replace(t *testing.T, dir string, r Result) {
	t.Helper()
	if err := Replace(dir, r); err != nil {
		t.Fatal(err)
	}
}

// foreign is a file that no result has.
const foreign = "notes.txt"

// TestReplace publishes twice, also where the folder itself must stay.
func TestReplace(t *testing.T) {
	for name, prepare := range map[string]func(t *testing.T, dir string) string{
		"missing": func(t *testing.T, dir string) string { return filepath.Join(dir, "deeper") },
		"empty":   func(t *testing.T, dir string) string { return dir },
		"foreign": func(t *testing.T, dir string) string {
			return dir
		},
		"link": func(t *testing.T, dir string) string {
			link := filepath.Join(t.TempDir(), "link")
			if err := os.Symlink(dir, link); err != nil {
				t.Fatal(err)
			}
			return link
		},
		"working directory": func(t *testing.T, dir string) string {
			t.Chdir(dir)
			return "."
		},
		"mount point": func(t *testing.T, dir string) string {
			if err := syscall.Mount("test", dir, "tmpfs", 0, "size=1m"); err != nil {
				t.Skipf("this machine does not let root mount: %v", err)
			}
			t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
			return dir
		},
	} {
		t.Run(name, func(t *testing.T) {
			parent := t.TempDir()
			dir := filepath.Join(parent, "out")
			if err := os.Mkdir(dir, 0o750); err != nil {
				t.Fatal(err)
			}
			extra := map[string]string{}
			if name == "foreign" {
				extra[foreign] = "mine"
				if err := os.WriteFile(filepath.Join(dir, foreign), []byte("mine"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			target := prepare(t, dir)
			for n := range 3 {
				replace(t, target, version(n))
				want := filesOf(version(n))
				maps.Copy(want, extra)
				expectFiles(t, target, want)
			}
			expectNames(t, parent, "out")
			info, err := os.Stat(dir)
			if err != nil || name != "mount point" && info.Mode().Perm() != 0o750 {
				t.Errorf("permissions %v, %v", info.Mode(), err)
			}
		})
	}
}

// TestFailure leaves the earlier result where the new one cannot be written.
func TestFailure(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "out")
	replace(t, dir, version(1))
	for _, name := range []string{"src/../../x", "report.json/x"} {
		broken := version(2)
		broken.Files[name] = nil
		if err := Replace(dir, broken); err == nil {
			t.Errorf("published %s", name)
		}
	}
	expectFiles(t, dir, filesOf(version(1)))
	expectNames(t, parent, "out")
	if err := Replace(filepath.Join(dir, "report.json"), version(2)); err == nil {
		t.Error("published into a file")
	}
}

// TestClear removes the result and nothing else.
func TestClear(t *testing.T) {
	dir := t.TempDir()
	replace(t, dir, version(1))
	if err := os.WriteFile(filepath.Join(dir, foreign), []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Clear(dir, "report.json", []string{"src", moduleName(1)}); err != nil {
		t.Fatal(err)
	}
	expectNames(t, dir, foreign)
}

// TestKilled kills the process at each step of publishing. The folder then has
// the earlier result or the new one; where it cannot be exchanged, it may also
// have none, which the missing mark shows. The next process completes the work.
func TestKilled(t *testing.T) {
	for _, inPlace := range []bool{false, true} {
		t.Run(fmt.Sprint("in place ", inPlace), func(t *testing.T) {
			steps := 0
			for ; killAt(t, inPlace, steps); steps++ {
			}
			if steps < 6 {
				t.Errorf("only %d steps", steps)
			}
		})
	}
}

// killAt publishes version 2 over version 1 in a process that is killed at a
// step. It returns false if there is no such step.
func killAt(t *testing.T, inPlace bool, step int) bool {
	t.Helper()
	parent := t.TempDir()
	dir := filepath.Join(parent, "out")
	replace(t, dir, version(1))
	if inPlace {
		if err := os.WriteFile(filepath.Join(dir, foreign), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestPublishUntilKilled$")
	cmd.Env = append(os.Environ(), "PUBLISH_DIR="+dir, "PUBLISH_STEPS="+strconv.Itoa(step))
	output, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("%v\n%s", err, output)
	}
	got := readFiles(t, dir)
	delete(got, foreign)
	checkKilled(t, got, inPlace, fmt.Sprintf("step %d", step))

	replace(t, dir, version(2))
	want := filesOf(version(2))
	if inPlace {
		want[foreign] = ""
	}
	expectFiles(t, dir, want)
	expectNames(t, parent, "out")
	return err != nil
}

func checkKilled(t *testing.T, got map[string]string, inPlace bool, where string) {
	t.Helper()
	maps.DeleteFunc(got, func(name, _ string) bool { return isStage(strings.Split(name, "/")[0]) })
	whole := maps.Equal(got, filesOf(version(1))) || maps.Equal(got, filesOf(version(2)))
	if _, marked := got["report.json"]; !whole && (marked || !inPlace) {
		t.Errorf("%s: the folder has %q", where, got)
	}
}

// TestPublishUntilKilled is the process that TestKilled kills.
func TestPublishUntilKilled(t *testing.T) {
	dir := os.Getenv("PUBLISH_DIR")
	if dir == "" {
		return
	}
	left, err := strconv.Atoi(os.Getenv("PUBLISH_STEPS"))
	if err != nil {
		t.Fatal(err)
	}
	atStep = func(string) {
		if left == 0 {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
		left--
	}
	replace(t, dir, version(2))
}

// TestTogether publishes from several goroutines: the folder holds one of the
// results, whole.
func TestTogether(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "out")
	done := make(chan error)
	const writers = 8
	for i := range writers {
		go func() {
			r := version(i)
			for n := range writers {
				r.Stale = append(r.Stale, moduleName(n))
			}
			done <- Replace(dir, r)
		}()
	}
	for range writers {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	got := readFiles(t, dir)
	report := []byte(got["report.json"])
	for name, text := range got {
		if !bytes.Equal(report, []byte(text)) {
			t.Errorf("%s has %q, the report %q", name, text, report)
		}
	}
	expectNames(t, parent, "out")
}
