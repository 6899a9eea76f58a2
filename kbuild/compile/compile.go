package kbuild

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"kintsugi/internal/command"
	"kintsugi/internal/diag"
	"kintsugi/internal/fault"
	"kintsugi/internal/makefile"
)

// Pair is a unit compiled twice, each object as objtool left it.
type Pair struct {
	Unit     Unit
	Original []byte   // ELF relocatable object of the pristine source
	Patched  []byte   // of the patched source
	Deps     []string // every file that went into one of the two, relative to the tree, sorted
}

// Compile compiles every unit from the pristine tree and once more with the
// files of overlay (by path relative to the tree; nil for a file that is
// deleted) in their place, each function and datum in a section of its own.
// All that is written is below work, a directory that belongs to this call;
// the objects do not depend on where it is.
func (t *Tree) Compile(ctx context.Context, units []Unit, overlay map[string][]byte, work string) ([]Pair, error) {
	return t.compileBoth(ctx, units, nil, overlay, work)
}

// compileBoth is Compile with a change for both sides.
func (t *Tree) compileBoth(ctx context.Context, units []Unit, common, overlay map[string][]byte, work string) ([]Pair, error) {
	work, err := filepath.Abs(work)
	if err != nil {
		return nil, fault.Environmentf("work directory: %w", err)
	}
	made, err := t.generated(ctx, units, work)
	if err != nil {
		return nil, err
	}
	maps.Copy(made, common)
	original, err := newShadow(t.Dir, filepath.Join(work, "pristine"), withEmpty(made, units))
	if err != nil {
		return nil, err
	}
	replaced := maps.Clone(made)
	maps.Copy(replaced, overlay)
	patched, err := newShadow(t.Dir, filepath.Join(work, "tree"), replaced)
	if err != nil {
		return nil, err
	}
	patched.adds = t.adds(overlay)
	var jobs []*job
	for i := range units {
		a := &job{unit: &units[i], tree: t, view: original, out: filepath.Join(work, "original")}
		b := &job{unit: &units[i], tree: t, view: patched, out: filepath.Join(work, "patched"), of: a}
		jobs = append(jobs, a, b)
	}
	if err := t.runAll(ctx, jobs); err != nil {
		return nil, err
	}
	var pairs []Pair
	for i, u := range units {
		a, b := jobs[2*i], jobs[2*i+1]
		pairs = append(pairs, Pair{Unit: u, Original: a.object, Patched: b.object, Deps: cleanPaths(a.deps, b.deps)})
	}
	return pairs, nil
}

// Reached returns all files that the pairs were compiled from, sorted.
func Reached(pairs []Pair) []string {
	var files []string
	for _, p := range pairs {
		files = append(files, p.Deps...)
	}
	return unique(files)
}

// runAll runs jobs, and those again that have read a file of the tree in
// whose place their view has another one, until there are none. Where several
// fail, the error is that of the first in order, originals before patched
// ones: a kernel that does not compile by itself says nothing about the patch.
func (t *Tree) runAll(ctx context.Context, jobs []*job) error {
	for todo := jobs; len(todo) > 0; {
		t.run(ctx, todo)
		var err error
		if todo, err = mend(jobs); err != nil {
			return err
		}
	}
	for _, patched := range []bool{false, true} {
		for _, j := range jobs {
			if (j.of != nil) == patched && j.err != nil {
				return j.err
			}
		}
	}
	return nil
}

// run runs jobs side by side.
func (t *Tree) run(ctx context.Context, jobs []*job) {
	var group errgroup.Group
	group.SetLimit(max(1, t.Jobs))
	for _, j := range jobs {
		group.Go(func() error {
			j.err = j.run(ctx)
			return nil
		})
	}
	_ = group.Wait()
}

// mend makes the directories real through which jobs left their view, and
// returns these jobs.
func mend(jobs []*job) ([]*job, error) {
	var again []*job
	leaks := map[*job][]string{}
	for _, j := range jobs {
		dirs, err := j.view.leaks(j.read())
		if err != nil {
			return nil, err
		}
		if len(dirs) > 0 {
			again = append(again, j)
			leaks[j] = dirs
		}
	}
	for _, j := range again {
		for _, dir := range leaks[j] {
			if err := j.view.expose(dir); err != nil {
				return nil, err
			}
		}
	}
	return again, nil
}

// job is one compilation.
type job struct {
	unit *Unit
	tree *Tree
	view *shadow // where the compiler runs
	out  string  // directory for what it writes
	of   *job    // of a patched unit, its original

	plain bool // functions and data are left together in one section

	object []byte
	deps   []string
	err    error
}

// read returns the files that the job is known to have read. One that failed
// leaves no dependencies; it may have failed for a file of the tree in place
// of the patched one, and then its original has read that file, too.
func (j *job) read() []string {
	if j.err != nil && j.of != nil {
		return j.of.deps
	}
	return j.deps
}

func (j *job) run(ctx context.Context) error {
	object := filepath.Join(j.out, path.Clean(j.unit.Object))
	if err := os.MkdirAll(filepath.Dir(object), 0o755); err != nil {
		return fault.Environmentf("object: %w", err)
	}
	cc := compiler(j.unit, j.view.root, object)
	if j.plain {
		cc.Args = slices.DeleteFunc(cc.Args, isSplit)
	}
	steps := []command.Cmd{j.tree.launch(cc)}
	if j.unit.objtool != nil {
		steps = append(steps, objtool(j.tree, j.unit, object))
	}
	for _, step := range steps {
		out, err := step.Run(ctx)
		if err != nil {
			return j.failure(err)
		}
		if len(out) > 0 {
			slog.Debug("compiler", "unit", j.unit.Source, "output", string(out))
		}
	}
	return j.load(object)
}

func (j *job) load(object string) error {
	deps, err := os.ReadFile(object + ".d")
	if err != nil {
		return fault.Environmentf("dependencies of %s: %w", j.unit.Source, err)
	}
	j.deps = makefile.Depfile(deps)
	if j.object, err = os.ReadFile(object); err != nil {
		return fault.Environmentf("object of %s: %w", j.unit.Source, err)
	}
	return nil
}

// Compiler returns the bare compiler run that makes the original object of u.
func (t *Tree) Compiler(u Unit, object string) command.Cmd {
	cc := compiler(&u, t.Dir, object)
	cc.Cage = t.Cage
	return cc
}

// launch puts the tree's launcher before the compiler, and both into the cage.
func (t *Tree) launch(cc command.Cmd) command.Cmd {
	cc.Cage = t.Cage
	if len(t.Launcher) == 0 {
		return cc
	}
	cc.Args = slices.Concat(t.Launcher[1:], []string{cc.Path}, cc.Args)
	cc.Path = t.Launcher[0]
	return cc
}

func objtool(t *Tree, u *Unit, object string) command.Cmd {
	return command.Cmd{Dir: t.Dir, Path: "./tools/objtool/objtool", Args: append(slices.Clone(u.objtool), object), Cage: t.Cage}
}

func compiler(u *Unit, root, object string) command.Cmd {
	words := outside(u.compile, object, root)
	if u.Types {
		words = append(words, "-g2")
	}
	return command.Cmd{Dir: root, Env: []string{"PWD=" + root}, Path: words[0], Args: words[1:]}
}

// outside turns kbuild's command into one that writes object and object.d
// instead of files in the tree, with every function and datum in a section of
// its own. Debug info is brought down to line tables and inlined functions:
// it never changes code, and all of it costs a fifth of the compiler's time.
// No path of the machine gets into the object, nor, thanks to the pipe, into
// the messages of the assembler.
func outside(words []string, object, root string) []string {
	var out []string
	for i := 0; i < len(words); i++ {
		w := words[i]
		switch {
		case w == "-o" && i+1 < len(words):
			out = append(out, w, object)
			i++
		case isDepOption(w):
			out = append(out, "-Wp,-MMD,"+object+".d")
		case w == "-g" || w == "-gsplit-dwarf" || strings.HasPrefix(w, "-gz"):
		default:
			out = append(out, w)
		}
	}
	return append(out, "-pipe", "-g1", "-ffunction-sections", "-fdata-sections", "-fdebug-prefix-map="+root+"=.")
}

// isDepOption is for the options that name the file for the dependencies.
func isDepOption(w string) bool {
	return strings.HasPrefix(w, "-Wp,-MMD,") || strings.HasPrefix(w, "-Wp,-MD,")
}

var compilerError = regexp.MustCompile(`(?m)^(cc1|\{standard input\}|[^\s:]+:\d+)(:\d+)?: (fatal )?[eE]rror: .*$`)

var sourceLine = regexp.MustCompile(`^[^\s:]+:\d+`)

// failure classes an error of the compiler: the patch's fault only where the
// patched source has an error in it.
func (j *job) failure(err error) error {
	var exit *command.Error
	if !errors.As(err, &exit) {
		return err
	}
	if full := diskFull(j.out, exit.Output); full != nil {
		return full
	}
	line := string(compilerError.Find(exit.Output))
	if j.of != nil && line != "" {
		e := fault.Inputf("the patched source does not compile: %w", &toolError{line, exit})
		e.Code, e.Source = diag.PatchCompile, sourceLine.FindString(line)
		return withOutput(e, exit.Output)
	}
	which := "original"
	if j.of != nil {
		which = "patched"
	}
	e := fault.Environmentf("the kernel build broke: %s %s: %w", which, j.unit.Source, &toolError{line, exit})
	return withOutput(e, exit.Output).Hint("run by hand: %s", exit.Cmd.String())
}

// toolError is the failure of a tool told by the line of its output that
// matters.
type toolError struct {
	line string
	err  *command.Error
}

func (e *toolError) Unwrap() error { return e.err }
func (e *toolError) Error() string {
	if e.line == "" {
		return e.err.Error()
	}
	return e.line
}

// readable is how many lines of a tool's output a person reads.
const readable = 20

// withOutput adds a compiler's output as hints: its beginning, where the first
// error stands.
func withOutput(e *fault.Error, output []byte) *fault.Error {
	lines := strings.Split(strings.TrimSpace(string(output)), "\n")
	for i, line := range lines {
		if i == readable {
			return e.Hint("(%d more lines)", len(lines)-readable)
		}
		e.Hint("%s", line)
	}
	return e
}

// withEnd adds make's output as hints: its end, where it says what broke.
func withEnd(e *fault.Error, output []byte) *fault.Error {
	lines := strings.Split(strings.TrimSpace(string(output)), "\n")
	if n := len(lines) - readable; n > 0 {
		e.Hint("(%d lines before)", n)
		lines = lines[n:]
	}
	for _, line := range lines {
		e.Hint("%s", line)
	}
	return e
}
