package query

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"kintsugi/internal/fault"
	text "kintsugi/internal/makefile"
	"kintsugi/kbuild"
)

// Recipe describes how kbuild would make one object.
type Recipe struct {
	Command string   // a line for a shell
	Needs   []string // prerequisites
}

// Unit returns the unit that a recipe makes of a source. needs are the prerequisites that must be
// generated first.
func (r Recipe) Unit(source, object string, kind kbuild.Kind, needs []string) (*kbuild.Unit, error) {
	compile, objtool, err := r.commands()
	if err != nil {
		return nil, fault.Environmentf("%s: cannot replay the compile command: %w", object, err).
			Hint("kbuild would run: %s", r.Command)
	}
	if source == "" { // an object of tools/lib/bpf is made in kernel/bpf
		source = path.Clean(compile[len(compile)-1])
	}
	u := &kbuild.Unit{Source: source, Object: object, Kind: kind, Compile: compile, Objtool: objtool, Needs: needs}
	u.ModName, u.ModFile = kbuild.ModuleOf(compile)
	return u, nil
}

// commands splits a recipe into the compiler's words and objtool's options. It omits what kbuild
// does to the finished object (symbol versions).
func (r Recipe) commands() (compile, objtool []string, err error) {
	all, err := text.SplitShell(r.Command)
	if err != nil {
		return nil, nil, err
	}
	if len(all) == 0 {
		return nil, nil, errors.New("empty recipe")
	}
	compile = all[0]
	for _, c := range all[1:] {
		if path.Base(c[0]) != "objtool" || len(c) < 2 {
			return nil, nil, fmt.Errorf("unknown step %s after the compiler", c[0])
		}
		objtool = unitObjtool(c[1 : len(c)-1])
	}
	return compile, objtool, nil
}

// unitObjtool returns the options with which objtool does to a single object what kbuild's run on
// vmlinux.o does to it. If kbuild waits for vmlinux.o (CONFIG_X86_KERNEL_IBT,
// scripts/Makefile.lib), it omits options that need the whole kernel, or that change what the
// compiler emitted for ftrace. The code is then byte-identical to the code in the image.
func unitObjtool(options []string) []string {
	kept := []string{}
	ibt := slices.Contains(options, "--ibt")
	for _, o := range options {
		name, _, _ := strings.Cut(o, "=")
		whole := name == "--ibt" || name == "--mcount" || name == "--mnop" || name == "--prefix" || name == "--link"
		if ibt && whole {
			continue
		}
		kept = append(kept, o)
	}
	return kept
}
