package patchfile

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kintsugi/internal/command"
)

// run runs a program in dir; diff's exit status 1 is no failure.
func run(t *testing.T, dir, path string, args ...string) []byte {
	t.Helper()
	cmd := &command.Cmd{Dir: dir, Path: path, Args: args,
		Env: []string{"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1",
			"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.org"}}
	out, err := cmd.Stdout(t.Context())
	var failed *command.Error
	if errors.As(err, &failed) && path == "diff" && len(failed.Output) == 0 {
		return out
	}
	if err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, toolOutput(err))
	}
	return out
}

func writeFile(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// editedPair returns a generated program before and after random edits.
func editedPair(seed uint64) (before, after string) {
	g := generate(rand.New(rand.NewPCG(seed, 4)), 0, 3)
	before = strings.Join(texts(g.lines), "")
	after = strings.Join(texts(g.edit(1+int(seed%6)).lines), "")
	if seed%5 == 1 {
		before = strings.TrimSuffix(before, "\n")
	}
	if seed%5 == 2 {
		after = strings.TrimSuffix(after, "\n")
	}
	return before, after
}

// TestDiffPatches applies what GNU diff writes: the outcome must be the
// file that diff saw.
func TestDiffPatches(t *testing.T) {
	for seed := range uint64(30) {
		dir := t.TempDir()
		before, after := editedPair(seed)
		writeFile(t, dir, "a/fs/x.c", before)
		writeFile(t, dir, "b/fs/x.c", after)
		writeFile(t, dir, "b/fs/new.c", after)
		writeFile(t, dir, "a/fs/old.c", before)
		patch := run(t, dir, "diff", "-urN", fmt.Sprintf("-U%d", 1+seed%4), "a", "b")
		checkTree(t, filepath.Join(dir, "a"), filepath.Join(dir, "b"), patch)
	}
}

// TestGitPatches applies two commits with a rename and a deletion, as mails
// and as a plain log.
func TestGitPatches(t *testing.T) {
	for seed := range uint64(6) {
		before, after := editedPair(seed)
		last, _ := editedPair(seed + 100)
		dir, old := t.TempDir(), t.TempDir()
		writeFile(t, dir, "fs/x.c", before)
		writeFile(t, dir, "fs/from.c", before)
		writeFile(t, dir, "fs/gone.c", before)
		writeFile(t, dir, "fs/empty.c", "")
		run(t, dir, "git", "init", "-q")
		commit := func() {
			run(t, dir, "git", "add", "-A")
			run(t, dir, "git", "commit", "-q", "-m", "fs: a change\n\n@@\nexpression E;\n@@\n- foo(E)\n+ bar(E)\n")
		}
		commit()
		run(t, old, "cp", "-r", filepath.Join(dir, "fs"), ".")
		writeFile(t, dir, "fs/x.c", after)
		run(t, dir, "git", "mv", "fs/from.c", "fs/to.c")
		writeFile(t, dir, "fs/to.c", before+"int more;\n")
		commit()
		writeFile(t, dir, "fs/x.c", last)
		run(t, dir, "git", "rm", "-q", "fs/gone.c", "fs/empty.c")
		writeFile(t, dir, "fs/void.c", "")
		commit()
		checkTree(t, old, dir, run(t, dir, "git", "format-patch", "--stdout", "-2"))
		checkTree(t, old, dir, run(t, dir, "git", "log", "--reverse", "-p", "-2"))
		checkTree(t, old, dir, run(t, dir, "git", "diff", "HEAD~2", "--histogram"))
	}
}

// checkTree applies a patch to the tree old, and compares what comes out with
// the tree new.
func checkTree(t *testing.T, old, new string, patch []byte) {
	t.Helper()
	root, err := os.OpenRoot(old)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	p, err := Parse("p", patch)
	if err != nil {
		t.Fatalf("%v\n%s", err, patch)
	}
	r, err := Apply(root.FS(), []*Patch{p}, Options{})
	if err != nil {
		t.Fatalf("%v\n%s", err, patch)
	}
	want, got := readTree(t, new), readTree(t, old)
	for _, c := range r.Changes {
		delete(got, c.Path)
		if c.Patched != nil {
			got[c.Path] = string(c.Patched)
		}
		checkChange(t, c)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("-want +got:\n%s\n%s", diff, patch)
	}
}

func readTree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	names, err := filepath.Glob(filepath.Join(dir, "fs/*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files["fs/"+filepath.Base(name)] = string(data)
	}
	return files
}
