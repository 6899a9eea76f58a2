// Package catalog lists everything that kbuild compiles with a tree's configuration, and which
// source files may include which. Together they show what a changed header can affect.
package catalog

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"

	"kintsugi/internal/command"
	"kintsugi/internal/fault"
	"kintsugi/internal/includegraph"
	"kintsugi/kbuild"
	"kintsugi/kbuild/generate"
	"kintsugi/kbuild/overlay"
	"kintsugi/kbuild/query"
)

// Catalog lists everything that kbuild compiles with the tree's configuration.
type Catalog struct {
	Words    []string           // the words of all commands, once each
	Units    []Unit             // sorted by object
	Extra    includegraph.Graph // includes of generated files, which are not in the tree
	NonUnits []NonUnit          // everything else that is compiled
	Made     map[string][]byte  // generated headers of NonUnits
}

// Unit is a unit in a catalog.
type Unit struct {
	Source, Object   string
	Kind             kbuild.Kind
	ModName, ModFile string
	Compile          []int    // indices of Words
	Objtool          []int    // indices of Words; nil: kbuild does not run objtool
	Needs            []string // generated files that preparing the tree does not make
	Forced           []string // files included by option (-include)
}

// cacheName is the catalog's file in the cache.
const cacheName = "catalog.json"

// Load asks kbuild for all units. This takes half a minute; the answer is cached per target.
func Load(ctx context.Context, t *kbuild.Tree) (*Catalog, error) {
	c := &Catalog{Extra: includegraph.Graph{}}
	if t.Cache().Load(cacheName, c) {
		return c, nil
	}
	slog.Info("listing everything that is compiled for this kernel (once per target)")
	objects, err := allObjects(ctx, t)
	if err != nil {
		return nil, err
	}
	recipes, err := askRecipes(ctx, t, objects)
	if err != nil {
		return nil, err
	}
	words := map[string]int{}
	for _, o := range objects {
		r, ok := recipes[o.name]
		if !ok || r.Command == "" {
			continue // an archive, or a list of modules
		}
		unit, err := r.Unit("", o.name, o.kind, t.Missing(r.Needs))
		if err != nil {
			return nil, err
		}
		c.add(unit, words)
	}
	if len(c.Units) == 0 {
		return nil, fault.Environmentf("kbuild lists no units")
	}
	if err := c.makeAll(ctx, t); err != nil {
		return nil, err
	}
	t.Cache().Store(cacheName, c)
	return c, nil
}

// add adds one unit.
func (c *Catalog) add(u *kbuild.Unit, words map[string]int) {
	listed := Unit{Source: u.Source, Object: u.Object, Kind: u.Kind, ModName: u.ModName, ModFile: u.ModFile,
		Needs: u.Needs}
	for i, w := range u.Compile {
		if w == "-include" && i+1 < len(u.Compile) {
			listed.Forced = append(listed.Forced, path.Clean(u.Compile[i+1]))
		}
	}
	listed.Compile = c.number(u.Compile, words)
	if u.Objtool != nil {
		listed.Objtool = append([]int{}, c.number(u.Objtool, words)...)
	}
	c.Units = append(c.Units, listed)
}

func (c *Catalog) number(list []string, words map[string]int) []int {
	numbers := make([]int, 0, len(list))
	for _, w := range list {
		n, ok := words[w]
		if !ok {
			n = len(c.Words)
			words[w] = n
			c.Words = append(c.Words, w)
		}
		numbers = append(numbers, n)
	}
	return numbers
}

func (c *Catalog) text(numbers []int) []string {
	if numbers == nil {
		return nil
	}
	words := make([]string, 0, len(numbers))
	for _, n := range numbers {
		words = append(words, c.Words[n])
	}
	return words
}

// Unit returns the i-th unit.
func (c *Catalog) Unit(i int) kbuild.Unit {
	u := &c.Units[i]
	return kbuild.Unit{Source: u.Source, Object: u.Object, Kind: u.Kind, ModName: u.ModName, ModFile: u.ModFile,
		Compile: c.text(u.Compile), Objtool: c.text(u.Objtool), Needs: u.Needs}
}

// libstub is the EFI stub of the image. kbuild's walk through the kernel does not visit it.
const libstub = "drivers/firmware/efi/libstub"

// imageGoal is a goal that is built because kbuild then records the commands of its parts.
type imageGoal struct{ dir, goal string }

// imageGoals returns the images besides vmlinux. Some of their files depend on vmlinux, or on each
// other, so make builds only as many as it can.
func imageGoals(t *kbuild.Tree) []imageGoal {
	goals := []imageGoal{{"", libstub + "/lib.a"}}
	if facts := &t.Arch.Kbuild; facts.BootGoal != "" {
		goals = append([]imageGoal{{facts.BootDir, facts.BootGoal}}, goals...)
	}
	return goals
}

// makeAll makes the generated files of all units in one run, stores them for generate.Files, and
// adds their includes to the graph. It builds in the view until kbuild has recorded the commands of
// everything that is not a unit.
func (c *Catalog) makeAll(ctx context.Context, t *kbuild.Tree) error {
	var needs []string
	for i := range c.Units {
		needs = append(needs, c.Units[i].Needs...)
	}
	work, err := os.MkdirTemp(t.Cage.Work, "kintsugi-generate-")
	if err != nil {
		return fault.Environmentf("temporary directory: %w", err)
	}
	defer os.RemoveAll(work)
	written := append(slices.Clone(needs), libstub+"/.")
	if dir := t.Arch.Kbuild.BootDir; dir != "" {
		written = append(written, dir+"/.")
	}
	view, err := overlay.Buildable(t.Dir, filepath.Join(work, "tree"), written)
	if err != nil {
		return err
	}
	files, err := generate.In(ctx, t, view, kbuild.Set(needs))
	if err != nil {
		return err
	}
	for _, g := range imageGoals(t) {
		if err := makeImage(ctx, t, view.Root, g); err != nil {
			return err
		}
	}
	c.addNonUnits(t, view)
	c.addGenerated(t, files)
	return nil
}

// makeImage makes as much of a goal as can be made without the kernel.
func makeImage(ctx context.Context, t *kbuild.Tree, root string, g imageGoal) error {
	run, done, err := query.Make(t, root, []string{g.goal})
	if err != nil {
		return err
	}
	defer done()
	run.Args = append(run.Args, "-k", "kintsugi_dir="+g.dir, "-j"+strconv.Itoa(t.Parallel()))
	_, err = run.Run(ctx)
	var exit *command.Error
	if errors.As(err, &exit) {
		return nil
	}
	return err
}

// addGenerated stores the generated files of units, and adds their includes.
func (c *Catalog) addGenerated(t *kbuild.Tree, files map[string][]byte) {
	has := func(file string) bool { return files[file] != nil || t.Has(file) }
	for _, file := range slices.Sorted(maps.Keys(files)) {
		c.Extra.Add(file, includegraph.Scan(files[file]), has)
	}
	keys := t.Keys()
	for i := range c.Units {
		if u := &c.Units[i]; len(u.Needs) > 0 {
			generate.Keep(t, keys, u.Source, u.Needs, files)
		}
	}
}
