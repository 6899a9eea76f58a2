package target

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"kintsugi/internal/command"
	"kintsugi/internal/disk"
)

// childEnv makes the test binary a child that a test kills.
const childEnv = "KINTSUGI_TEST_CHILD"

func TestMain(m *testing.M) {
	if job := os.Getenv(childEnv); job != "" {
		if err := runChild(job); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// childJob is what a child does: add a local target, or hold a lock while a
// program runs.
type childJob struct {
	Store *Store
	Name  string
	Spec  LocalSpec
	Lock  string
}

func runChild(text string) error {
	var job childJob
	if err := json.Unmarshal([]byte(text), &job); err != nil {
		return err
	}
	if job.Lock != "" {
		return holdLock(job.Lock)
	}
	job.Spec.Name = job.Name
	_, err := job.Store.AddLocal(context.Background(), job.Spec, func(step string, _, _ int64) { fmt.Println(step) })
	return err
}

// holdLock runs a shell whose own child lives on when the shell is killed, as
// make's children do. The child ends as soon as a file beside the lock exists.
func holdLock(path string) error {
	unlock, err := disk.Lock(context.Background(), path)
	if err != nil {
		return err
	}
	defer unlock()
	script := fmt.Sprintf("while ! test -e %s; do sleep 0.05; done & echo started; wait", endOf(path))
	cmd := &command.Cmd{Path: "sh", Args: []string{"-c", script}, Output: os.Stdout}
	_, err = cmd.Run(context.Background())
	return err
}

// endOf is the file that ends the program of a child that holds a lock.
func endOf(lock string) string { return lock + ".end" }

// startChild runs job in another process and returns what it prints.
func startChild(t *testing.T, job childJob) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	text, err := json.Marshal(job)
	if err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), childEnv+"="+string(text))
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	return child, bufio.NewScanner(out)
}

// When kintsugi is killed, what it started may still write to the target: the
// lock is free only when that is gone too.
func TestLockOutlivesKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.lock")
	child, lines := startChild(t, childJob{Lock: path})
	for lines.Scan() && lines.Text() != "started" {
		t.Log("child:", lines.Text())
	}
	_ = child.Process.Kill()
	_ = child.Wait()
	short, stop := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer stop()
	if _, err := disk.Lock(short, path); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v; want no lock while a grandchild runs", err)
	}
	put(t, endOf(path), "")
	unlock, err := disk.Lock(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	unlock()
}
