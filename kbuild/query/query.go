package kbuild

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"kintsugi/internal/command"
	"kintsugi/internal/fault"
	"kintsugi/internal/makefile"
)

//go:embed query.mk
var queryMakefile []byte

// folder is what kbuild would build in one directory (scripts/Makefile.build).
type folder struct {
	builtin bool     // its built-in.a becomes part of vmlinux
	objY    []string // real-obj-y: objects of built-in.a
	objM    []string // real-obj-m: objects of modules
	libY    []string // lib-y: objects of lib.a
	extraY  []string // extra-y: objects that arch Makefiles name themselves, head.o and its like
	hosts   []string // hostprogs: programs that run while the kernel is built
	multiY  []string // multi-obj-y: objects of objY that are linked of several, as the makefile names them
	multiM  []string // multi-obj-m: of objM likewise
	libs    []string // the lib.a that vmlinux is linked with, as far as the top Makefile exports it
}

// recipe is how kbuild would make one object.
type recipe struct {
	command string   // a line for a shell
	needs   []string // prerequisites
}

// answer is what kbuild said in one dry run.
type answer struct {
	folders map[string]*folder
	recipes map[string]recipe
	denied  map[string]bool // folders that kbuild does not visit with this config
}

// canary is a directory that is part of every kernel.
const canary = "kernel"

// query asks kbuild, in one dry run that writes nothing, about folders and
// about the commands that make objects. Folders and objects that kbuild does
// not reach with this config are missing from the answer. Settings are further
// variables.
func (t *Tree) query(ctx context.Context, folders, objects []string, settings ...string) (*answer, error) {
	goals := []string{path.Join(canary, ".kintsugi")}
	for _, dir := range folders {
		goals = append(goals, path.Join(dir, ".kintsugi"))
	}
	run, done, err := t.make(t.Dir, append(goals, objects...))
	if err != nil {
		return nil, err
	}
	defer done()
	run.Args = append(run.Args, "-n", "-k", "newer-prereqs=FORCE", "obj-dirs=.", "delay-objtool=",
		"cmd_and_fixdep=$(info kintsugi:recipe:$@:$(cmd_$(1)))$(info kintsugi:needs:$@:$^)")
	run.Args = append(run.Args, settings...)
	out, err := run.Stdout(ctx)
	var exit *command.Error
	if err != nil && !errors.As(err, &exit) {
		return nil, err
	}
	a := parseAnswer(out)
	if exit != nil {
		a.deny(exit.Output)
	}
	for _, dir := range append(folders, canary) {
		if a.folders[dir] == nil && (!a.denied[dir] || dir == canary) {
			e := fault.Environmentf("kbuild does not answer for %s", dir)
			if exit != nil {
				e = withOutput(e, exit.Output)
			}
			return nil, e.Hint("run by hand: %s", run.String())
		}
	}
	return a, nil
}

// make returns a run of kbuild for goals below root, which is the tree or a
// view of it, and a function to call after it.
//
// A plain `make GOAL` is neither pure, not even with -n, nor certain; each
// setting below and in query mends one thing, and the real makefiles of the
// tree do the rest, so that flags that come from parent directories
// (subdir-ccflags-y) are there:
//
//   - the goal kintsugi: see query.mk;
//   - may-sync-config: a configuration that looks older than .config is made
//     anew even in a dry run; need-compiler is to follow from it;
//   - TMPOUT: cc-option tries the compiler in the current directory, and takes
//     a directory that cannot be written to for an option that is not known;
//   - newer-prereqs: commands are told for objects that exist already, too;
//   - obj-dirs: the directories that scripts/Makefile.build makes right away;
//   - delay-objtool: empty has kbuild tell the options of objtool for single
//     objects where it would run it on vmlinux.o only (IBT);
//   - cmd_and_fixdep (scripts/Kbuild.include): tells the command.
func (t *Tree) make(root string, goals []string) (*command.Cmd, func(), error) {
	if !t.Cage.Has(t.CC) {
		return nil, nil, fault.Environmentf("compiler %s is not installed", t.CC).Hint("install the package %s", t.CC)
	}
	tmp, err := os.MkdirTemp(t.Cage.Work, "kintsugi-make-")
	if err != nil {
		return nil, nil, fault.Environmentf("temporary directory: %w", err)
	}
	makefile := filepath.Join(tmp, "query.mk")
	if err := os.WriteFile(makefile, queryMakefile, 0o644); err != nil {
		os.RemoveAll(tmp)
		return nil, nil, fault.Environmentf("temporary file: %w", err)
	}
	run := &command.Cmd{
		Dir:  root,
		Env:  []string{"MAKEFILES=" + makefile, "PWD=" + root},
		Path: "make",
		Args: []string{"kintsugi", "kintsugi_goals=" + strings.Join(goals, " "), "CC=" + t.CC,
			"may-sync-config=", "need-compiler=1", "TMPOUT=" + tmp + "/try.$$$$"},
		Cage: t.Cage,
	}
	return run, func() { os.RemoveAll(tmp) }, nil
}

var noRule = regexp.MustCompile(`(?m)No rule to make target '(?:\./)?(.*)/\.kintsugi'`)

// deny notes the folders that make says it has no way to. With -k it fails
// for these and goes on: a folder of which it says neither this nor what is
// built there is one that something else kept it from, and must not be taken
// for one that the config leaves out.
func (a *answer) deny(output []byte) {
	for _, m := range noRule.FindAllSubmatch(output, -1) {
		a.denied[string(m[1])] = true
	}
}

// parseAnswer reads the lines that query.mk and cmd_and_fixdep had make print.
func parseAnswer(out []byte) *answer {
	a := &answer{folders: map[string]*folder{}, recipes: map[string]recipe{}, denied: map[string]bool{}}
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, len(out)+1)
	for lines.Scan() {
		parts := strings.SplitN(lines.Text(), ":", 4)
		if len(parts) != 4 || parts[0] != "kintsugi" {
			continue
		}
		a.add(parts[1], parts[2], parts[3])
	}
	return a
}

func (a *answer) add(what, name, text string) {
	r := a.recipes[name]
	switch what {
	case "recipe":
		r.command = text
		a.recipes[name] = r
		return
	case "needs":
		r.needs = strings.Fields(text)
		a.recipes[name] = r
		return
	}
	f := a.folders[name]
	if f == nil {
		f = &folder{}
		a.folders[name] = f
	}
	f.set(what, strings.Fields(text))
}

func (f *folder) set(variable string, words []string) {
	switch variable {
	case "need-builtin":
		f.builtin = f.builtin || len(words) > 0
	case "real-obj-y":
		f.objY = words
	case "real-obj-m":
		f.objM = words
	case "lib-y":
		f.libY = words
	case "extra-y":
		f.extraY = words
	case "multi-obj-y":
		f.multiY = words
	case "multi-obj-m":
		f.multiM = words
	case "hostprogs":
		f.hosts = words
	case "ARCH_LIB":
		for _, dir := range words {
			f.libs = append(f.libs, path.Join(dir, "lib.a"))
		}
	case "KBUILD_VMLINUX_LIBS", "KBUILD_VMLINUX_OBJS":
		f.libs = append(f.libs, words...)
	}
}

// commands splits a recipe into the compiler's words and objtool's options.
// What kbuild adds after the object exists (symbol versions) is not in it.
func (r recipe) commands() (compile, objtool []string, err error) {
	all, err := makefile.SplitShell(r.command)
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

// unitObjtool returns the options with which objtool makes of one object what
// kbuild's run on vmlinux.o makes of it. Where kbuild waits for vmlinux.o
// (CONFIG_X86_KERNEL_IBT, scripts/Makefile.lib), the options that need to see
// the whole kernel, or that change what the compiler emitted for ftrace, are
// left out: the code is then byte for byte the one in the image.
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
