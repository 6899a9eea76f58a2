// Package module compiles and links a module with the target's own kbuild.
package module

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"kintsugi/internal/cage"
	"kintsugi/internal/command"
	"kintsugi/internal/fault"
	"kintsugi/kbuild/toolerr"
)

// Spec names the source of a module, and what it is compiled against.
type Spec struct {
	Headers string    // the target's kernel headers (/lib/modules/R/build), absolute
	Source  string    // directory with a Kbuild file and its sources; not written to
	CC      string    // name by which kbuild calls the compiler
	Cage    cage.Cage // cage for make
	Work    string    // directory that belongs to this call; the module does not depend on its path
}

// Link compiles the module with the target's own kbuild and returns the path of the .ko below Work.
// Symbols that nothing exports stay undefined. Source must be a flat directory with a Kbuild file
// for one module (Documentation/kbuild/modules.rst).
func Link(ctx context.Context, spec Spec) (string, error) {
	work, err := filepath.Abs(spec.Work)
	if err != nil {
		return "", fault.Environmentf("work directory: %w", err)
	}
	if strings.ContainsAny(work, " \t\n:#$%'\"\\") {
		return "", fault.Environmentf("make cannot work in a directory called %q", work).
			Hint("set TMPDIR to a directory without spaces and special characters in its path")
	}
	if err := copyFlat(spec.Source, work); err != nil {
		return "", fault.Environmentf("copy of the module's source: %w", err)
	}
	run := command.Cmd{
		Cage: spec.Cage,
		Dir:  spec.Headers,
		Env:  []string{"PWD=" + spec.Headers},
		Path: "make",
		// KBUILD_MODPOST_WARN: undefined symbols become klp relocations when the module is sealed.
		// KCFLAGS: debug info and __FILE__ contain the work directory, and through the build ID the
		// whole module would depend on its path. CONFIG_DEBUG_INFO_BTF_MODULES: pahole makes BTF
		// from debug info, and fails without it.
		Args: []string{"M=" + work, "CC=" + spec.CC, "KBUILD_MODPOST_WARN=1", "CONFIG_DEBUG_INFO_BTF_MODULES=",
			"KCFLAGS=-g0 -fmacro-prefix-map=" + work + "/=", "modules"},
	}
	out, err := run.Run(ctx)
	if err != nil {
		return "", linkFailure(work, err)
	}
	slog.Debug("kbuild", "output", string(out))
	return onlyModule(work)
}

var linkError = regexp.MustCompile(`(?m)^(ERROR: .*|ld: .*|.*: No such file or directory|make.*: \*\*\* .*)$`)

// definedTwice finds the symbol's name in the message of ld or ld.lld.
var definedTwice = regexp.MustCompile("(?:multiple definition of `|duplicate symbol: )([A-Za-z0-9_.$]+)")

func linkFailure(work string, err error) error {
	var exit *command.Error
	if !errors.As(err, &exit) {
		return err
	}
	if full := toolerr.DiskFull(work, exit.Output); full != nil {
		return full
	}
	if name := definedTwice.FindSubmatch(exit.Output); name != nil {
		return fault.Inputf("the patch defines %s, but the livepatch module has its own symbol with this name", name[1]).
			Hint("choose another name in the patch")
	}
	line := toolerr.CompilerLine(exit.Output)
	if line == "" {
		line = string(linkError.Find(exit.Output))
	}
	e := fault.Environmentf("the module does not compile against the kernel headers: %w",
		&toolerr.Error{Line: line, Err: exit})
	return toolerr.WithBeginning(e, exit.Output).Hint("run by hand: %s", exit.Cmd.String())
}

func onlyModule(dir string) (string, error) {
	modules, err := filepath.Glob(filepath.Join(dir, "*.ko"))
	if err != nil || len(modules) != 1 {
		return "", fault.Environmentf("kbuild made %d modules instead of one", len(modules))
	}
	return modules[0], nil
}

// copyFlat copies the regular files of a directory.
func copyFlat(from, to string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() {
			return &fs.PathError{Op: "copy", Path: filepath.Join(from, e.Name()), Err: errors.New("not a regular file")}
		}
		text, err := os.ReadFile(filepath.Join(from, e.Name()))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, e.Name()), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}
