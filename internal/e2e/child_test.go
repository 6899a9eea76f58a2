package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"

	"kintsugi/builder"
	"kintsugi/internal/fault"
	"kintsugi/internal/target"
)

// childJob is the environment variable that makes this test binary a process
// that does one build, to be killed or to run beside others.
const childJob = "KINTSUGI_E2E_CHILD"

type job struct {
	Target  string
	Patches []string
	Out     string
}

// canceled is the exit status of a child that was interrupted.
const canceled = 130

// child does the job and returns the exit status of the contract.
func child(text string) int {
	var j job
	if err := json.Unmarshal([]byte(text), &j); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return int(fault.Bug)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := j.build(ctx)
	if err == nil {
		return 0
	}
	fmt.Fprintln(os.Stderr, explain(err))
	if errors.Is(err, context.Canceled) {
		return canceled
	}
	return int(fault.ClassOf(err))
}

func (j *job) build(ctx context.Context) error {
	store, err := target.DefaultStore()
	if err != nil {
		return err
	}
	kernel, err := store.Open(j.Target)
	if err != nil {
		return err
	}
	_, err = builder.Build(ctx, options(kernel, j.Out, j.Patches...))
	return err
}

// command is the process that does j with tmp as its TMPDIR.
func (j *job) command(t *testing.T, tmp string) *exec.Cmd {
	t.Helper()
	text, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Dir = tmp
	cmd.Env = append(os.Environ(), childJob+"="+string(text), "TMPDIR="+tmp)
	return cmd
}
