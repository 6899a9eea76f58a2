// Package query asks kbuild what a directory is built into, and which command makes each object. It
// uses dry runs that write nothing.
package query

import (
	"context"
	_ "embed"
	"errors"
	"os"
	"path"
	"path/filepath"
	"strings"

	"kintsugi/internal/cage"
	"kintsugi/internal/command"
	"kintsugi/internal/fault"
	"kintsugi/kbuild"
	"kintsugi/kbuild/toolerr"
)

//go:embed query.mk
var makefile []byte

// canary is a directory that is part of every kernel.
const canary = "kernel"

// Ask asks kbuild about folders, and about the commands that make objects, in one dry run that
// writes nothing. Folders and objects that this configuration does not reach are missing from the
// answer. settings are further make variables.
func Ask(ctx context.Context, t *kbuild.Tree, folders, objects []string, settings ...string) (*Answer, error) {
	goals := []string{path.Join(canary, ".kintsugi")}
	for _, dir := range folders {
		goals = append(goals, path.Join(dir, ".kintsugi"))
	}
	run, done, err := Make(t, t.Dir, append(goals, objects...))
	if err != nil {
		return nil, err
	}
	defer done()
	run.Args = append(run.Args, "-n", "-k", "newer-prereqs=FORCE", "obj-dirs=.", "delay-objtool=",
		"cmd_and_fixdep=$(info kintsugi:recipe:$@:$(cmd_$(1))$(kintsugi_steps))$(info kintsugi:needs:$@:$^)")
	run.Args = append(run.Args, settings...)
	out, err := run.Stdout(ctx)
	var exit *command.Error
	if err != nil && !errors.As(err, &exit) {
		return nil, err
	}
	if exit != nil && errors.Is(exit.Err, command.ErrDeadline) { // what it printed is not all
		return nil, fault.Environmentf("kbuild: %w", err).Hint("run the command again when the machine is less busy")
	}
	a := Parse(out)
	if exit != nil {
		a.deny(exit.Output)
	}
	for _, dir := range append(folders, canary) {
		if a.Folders[dir] == nil && (!a.denied[dir] || dir == canary) {
			e := fault.Environmentf("kbuild gives no answer for %s", dir)
			if exit != nil {
				e = toolerr.WithBeginning(e, exit.Output)
			}
			return nil, e.Hint("run by hand: %s", run.String())
		}
	}
	return a, nil
}

// Make returns a run of kbuild for goals below root, which is the tree or a view of it, and a
// function to call after the run.
//
// A plain `make GOAL` writes to the tree, even with -n, and does not always answer. Each setting
// here and in Ask corrects one of these faults. The real makefiles of the tree do the rest, so that
// flags of parent directories (subdir-ccflags-y) are included:
//
//   - the goal kintsugi: see query.mk;
//   - may-sync-config: kbuild remakes a configuration that looks older than .config, even in a dry
//     run; need-compiler should follow from it;
//   - TMPOUT: cc-option runs the compiler in the current directory. If the directory is not writable,
//     it treats every option as unknown;
//   - newer-prereqs: print the commands of existing objects too;
//   - obj-dirs: the directories that scripts/Makefile.build creates at once;
//   - delay-objtool: if empty, kbuild prints objtool's options for single objects, also if it would
//     run objtool only on vmlinux.o (IBT);
//   - cmd_and_fixdep (scripts/Kbuild.include): prints the command.
func Make(t *kbuild.Tree, root string, goals []string) (*command.Cmd, func(), error) {
	if !t.Cage.Has(t.CC) {
		return nil, nil, fault.Environmentf("compiler %s is not installed", t.CC).Hint("install the package %s", t.CC)
	}
	tmp, err := os.MkdirTemp(t.Cage.Work, "kintsugi-make-")
	if err != nil {
		return nil, nil, fault.Environmentf("temporary directory: %w", err)
	}
	file := filepath.Join(tmp, "query.mk")
	if err := os.WriteFile(file, makefile, 0o644); err != nil {
		os.RemoveAll(tmp)
		return nil, nil, fault.Environmentf("temporary file: %w", err)
	}
	limited := t.Cage
	// A query can be about the whole kernel. It runs no code of a patch.
	limited.Limits.Deadline = cage.PrepareLimits.Deadline
	run := &command.Cmd{
		Dir:  root,
		Env:  []string{"MAKEFILES=" + file, "PWD=" + root},
		Path: "make",
		Args: []string{"kintsugi", "kintsugi_goals=" + strings.Join(goals, " "), "CC=" + t.CC, "HOSTCC=" + t.CC,
			"may-sync-config=", "need-compiler=1", "TMPOUT=" + tmp + "/try.$$$$"},
		Cage: limited,
	}
	return run, func() { os.RemoveAll(tmp) }, nil
}
