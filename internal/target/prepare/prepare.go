// Package prepare makes a kernel's source tree ready for compiling single units, in
// the state in which the kernel's build leaves it.
package prepare

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"kintsugi/internal/arch"
	"kintsugi/internal/cage"
	"kintsugi/internal/command"
	"kintsugi/internal/fault"
	"kintsugi/internal/kconfig"
)

// Spec names the tree to prepare, and the kernel that it is prepared as.
type Spec struct {
	Tree   string    // the kernel's source, which is written to
	Config string    // the .config that the kernel was built with
	CC     string    // the compiler's command
	Vars   []string  // further make variables, NAME=VALUE
	Jobs   int       // make's jobs at once; less than 1: one for each processor
	Cage   cage.Cage // of make
	Output io.Writer // receives make's output, optional
}

// Tree configures a source tree and builds the files that compiling a unit needs:
// generated headers, objtool, modpost. If kconfig changes the configuration, compiler,
// tools or source are not those of the kernel, and the tree is refused.
func Tree(ctx context.Context, spec Spec) error {
	if spec.Cage.OfHost() {
		if err := CheckTools(ctx, spec.CC); err != nil {
			return err
		}
	}
	if err := cleanTree(ctx, spec); err != nil {
		return err
	}
	if err := configure(ctx, spec); err != nil {
		return err
	}
	// Without the libraries of Rust, which take minutes: no C file needs them.
	return runMake(ctx, spec, "CONFIG_RUST=", "prepare", "modules_prepare")
}

// buildTraces are files that show that a tree was configured or built in, for any
// architecture. A copy without objects has them too.
func buildTraces() []string {
	traces := []string{".config", "include/config", "include/generated", "scripts/basic/fixdep"}
	for _, a := range arch.All() {
		traces = append(traces, a.Kbuild.Generated)
	}
	return traces
}

// cleanTree removes the files of an earlier build: kbuild would use them, although
// they may be of another compiler or another configuration.
func cleanTree(ctx context.Context, spec Spec) error {
	for _, trace := range buildTraces() {
		if _, err := os.Lstat(filepath.Join(spec.Tree, trace)); err == nil {
			return runMake(ctx, spec, "mrproper")
		}
	}
	return nil
}

func configure(ctx context.Context, spec Spec) error {
	text, err := os.ReadFile(spec.Config)
	if err != nil {
		return &fault.Error{Class: fault.Input, Err: err}
	}
	given, err := kconfig.Parse(text)
	if err != nil {
		return fault.Inputf("%s: %w", spec.Config, err)
	}
	for _, name := range keyFiles {
		if _, set := given[name]; set {
			text = kconfig.Set(text, name, "")
		}
	}
	dotConfig := filepath.Join(spec.Tree, ".config")
	if err := os.WriteFile(dotConfig, text, 0o644); err != nil {
		return &fault.Error{Class: fault.Environment, Err: err}
	}
	if err := runMake(ctx, spec, "olddefconfig"); err != nil {
		return err
	}
	text, err = os.ReadFile(dotConfig)
	if err != nil {
		return &fault.Error{Class: fault.Environment, Err: err}
	}
	got, err := kconfig.Parse(text)
	if err != nil {
		return fmt.Errorf("%s: %w", dotConfig, err)
	}
	return checkDrift(given, got)
}

// runMake runs make on spec's tree.
func runMake(ctx context.Context, spec Spec, goals ...string) error {
	jobs := spec.Jobs
	if jobs < 1 {
		jobs = runtime.NumCPU()
	}
	args := []string{"-j" + strconv.Itoa(jobs), "CC=" + spec.CC, "HOSTCC=" + spec.CC}
	args = append(append(args, spec.Vars...), goals...)
	cmd := &command.Cmd{Dir: spec.Tree, Path: "make", Args: args, Stdin: bytes.NewReader(nil), Output: spec.Output,
		Cage: spec.Cage}
	_, err := cmd.Run(ctx)
	var failed *command.Error
	if !errors.As(err, &failed) {
		return err
	}
	return (&fault.Error{Class: fault.Environment, Err: fmt.Errorf("make %s in the kernel's source: %w: %s",
		strings.Join(goals, " "), err, errorLine(failed.Output))}).Hint("run it by hand: %s", cmd)
}

// errorLine returns the line of make's output that names the cause: the first error
// of a tool, else make's own, else the last line.
func errorLine(output []byte) string {
	lines := strings.Split(strings.TrimSpace(string(output)), "\n")
	for _, mark := range []string{"error:", ": not found", "No space left", "Error ", "***"} {
		for _, line := range lines {
			if strings.Contains(line, mark) {
				return strings.TrimSpace(line)
			}
		}
	}
	return strings.TrimSpace(lines[len(lines)-1])
}
