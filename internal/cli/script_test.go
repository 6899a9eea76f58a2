package cli

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"kintsugi/builder"
	"kintsugi/internal/command"
	"kintsugi/internal/fault"
	"kintsugi/internal/livepatch"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"kintsugi": func() { os.Exit(Main(os.Args[1:])) },
		"odd":      func() { os.Exit(odd(os.Args[1:])) },
	})
}

// TestScript tests the command as a user would: testdata/script.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("KINTSUGI_CACHE", filepath.Join(env.WorkDir, "cache"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":  exits,
			"target": fakeTarget,
		},
	})
}

// exits runs a command that must end with that exit code: exits 2 kintsugi build.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got == want == neg {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// fakeTarget puts into the store a target without a kernel: target NAME SOURCE.
// It is as good as any up to where the image is opened.
func fakeTarget(ts *testscript.TestScript, _ bool, args []string) {
	dir := filepath.Join(ts.Getenv("KINTSUGI_CACHE"), "targets", args[0])
	headers := filepath.Join(dir, "headers")
	ts.Check(os.MkdirAll(filepath.Join(headers, "include/generated"), 0o755))
	ts.Check(os.WriteFile(filepath.Join(headers, "Module.symvers"), nil, 0o644))
	ts.Check(os.WriteFile(filepath.Join(headers, "include/generated/utsrelease.h"), nil, 0o644))
	ts.Check(os.WriteFile(filepath.Join(dir, "config"), []byte("CONFIG_LIVEPATCH=y\n"), 0o644))
	sum := sha256.New()
	for _, name := range []string{"Makefile", "Module.symvers", ".config", "include/generated/autoconf.h",
		"include/generated/utsrelease.h"} {
		fmt.Fprintf(sum, "%s 0\n", name)
	}
	data, err := json.Marshal(map[string]any{"format": 1, "name": args[0], "origin": "local", "release": "6.1.0-fake",
		"arch":     "x86_64",
		"compiler": "gcc-12", "cc": "gcc-12", "source": ts.MkAbs(args[1]), "headers": headers,
		"symvers": filepath.Join(headers, "Module.symvers"),
		"config":  "config", "image": "vmlinuz", "vmlinux": "vmlinux", "headers_sum": fmt.Sprintf("%x", sum.Sum(nil))})
	ts.Check(err)
	ts.Check(os.WriteFile(filepath.Join(dir, "target.json"), data, 0o644))
}

// odd is a command line whose verbs end as real ones hardly ever do.
func odd(args []string) int {
	ctx, stop := interruptible()
	defer stop()
	verb := func(name string, run func(context.Context) error) func(*app) *cobra.Command {
		return func(*app) *cobra.Command {
			return &cobra.Command{Use: name, RunE: func(cmd *cobra.Command, _ []string) error { return run(cmd.Context()) }}
		}
	}
	shell := func(ctx context.Context, script string) error {
		_, err := (&command.Cmd{Path: "sh", Args: []string{"-c", script}}).Run(ctx)
		return err
	}
	return run(ctx, args, os.Stdout, os.Stderr, []func(*app) *cobra.Command{
		compiling,
		verb("stalled", func(ctx context.Context) error {
			_, err := (&livepatch.Host{Root: "host", Wait: time.Millisecond}).AwaitEnabled(ctx, "sample")
			return err
		}),
		verb("panic", func(context.Context) error { panic("no way out") }),
		verb("bug", func(context.Context) error { return errors.New("nobody classed this") }),
		verb("full", func(context.Context) error {
			return fmt.Errorf("report: %w", &os.PathError{Op: "write", Path: "report.json", Err: unix.ENOSPC})
		}),
		verb("tool", func(ctx context.Context) error { return shell(ctx, "echo 'what it\tsaid'; exit 7") }),
		verb("toolfull", func(ctx context.Context) error {
			return fault.Inputf("compile: %w", shell(ctx, "echo 'as: a.o: No space left on device'; exit 1"))
		}),
		verb("lines", func(context.Context) error {
			return fault.Verdictf("x", "first\nsecond\tpart\x1b[31m").Hint("do this").Hint("or\nthat")
		}),
		verb("hang", func(ctx context.Context) error {
			defer os.Remove("working")
			// the grandchild is in the group that has to go
			return shell(ctx, "touch working; sleep 300 & echo $! >pid; wait")
		}),
		verb("stubborn", func(context.Context) error {
			defer time.Sleep(time.Minute)
			return os.WriteFile("working", nil, 0o644)
		}),
		verb("nap", func(ctx context.Context) error { return shell(ctx, "touch napping; sleep 0.3") }),
	})
}

// compiling is a verb that reports the progress of compilations as build does.
func compiling(a *app) *cobra.Command {
	var opts builder.Options
	cmd := &cobra.Command{Use: "compile", RunE: func(*cobra.Command, []string) error {
		opts.Progress("compile", 3, 10, 0)
		return nil
	}}
	a.compileFlags(cmd, &opts)
	return cmd
}
