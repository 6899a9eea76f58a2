package kbuild

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"kintsugi/internal/command"
	"kintsugi/internal/ctext"
	"kintsugi/internal/fault"
	"kintsugi/internal/includegraph"
)

// catalog is everything that kbuild compiles with this config: what a changed
// header may reach.
type catalog struct {
	Words []string           // of all commands
	Units []listed           // sorted by object
	Extra includegraph.Graph // of generated files, which are not in the tree
	Sides []side             // all else that is compiled
	Made  map[string][]byte  // generated headers of these
}

// listed is a unit in a catalog.
type listed struct {
	Source, Object   string
	Kind             Kind
	ModName, ModFile string
	Compile          []int    // indices of Words
	Objtool          []int    // likewise; nil: kbuild runs none
	Needs            []string // generated files that preparing the tree has not made
	Forced           []string // included by option (-include)
}

// catalog asks kbuild for all units, once for a target: half a minute.
func (t *Tree) catalog(ctx context.Context) (*catalog, error) {
	c := &catalog{Extra: includegraph.Graph{}}
	if t.loadCache("compiled.json", c) {
		return c, nil
	}
	slog.Info("listing everything that is compiled for this kernel, once for the target")
	objects, err := t.allObjects(ctx)
	if err != nil {
		return nil, err
	}
	recipes, err := t.recipes(ctx, objects)
	if err != nil {
		return nil, err
	}
	words := map[string]int{}
	for _, object := range objects {
		r, ok := recipes[object.Object]
		if !ok || r.command == "" {
			continue // an archive, or a list of modules
		}
		if err := c.add(t, object, r, words); err != nil {
			return nil, err
		}
	}
	if len(c.Units) == 0 {
		return nil, fault.Environmentf("kbuild lists no units")
	}
	if err := t.makeAll(ctx, c); err != nil {
		return nil, err
	}
	t.storeCache("compiled.json", c)
	return c, nil
}

// allObjects asks every directory that has a makefile what it builds.
func (t *Tree) allObjects(ctx context.Context) ([]stray, error) {
	var folders []string
	err := t.walk(func(file string, _ fs.DirEntry) error {
		dir := path.Dir(file)
		if base := path.Base(file); dir != "." && (base == "Makefile" || base == "Kbuild") && !program(dir) {
			folders = append(folders, dir)
		}
		return nil
	})
	if err != nil {
		return nil, fault.Environmentf("source tree: %w", err)
	}
	a, err := t.query(ctx, unique(folders), nil)
	if err != nil {
		return nil, err
	}
	kinds := map[string]Kind{}
	for _, dir := range a.dirs() {
		f := a.folders[dir]
		for _, list := range [][]string{f.objY, f.extraY, f.objM, f.libY} {
			for _, object := range list {
				kind := f.kindOf(dir, object)
				if path.Ext(object) == ".o" && kind != "" && kinds[object] != Vmlinux {
					kinds[object] = kind
				}
			}
		}
	}
	var objects []stray
	for object, kind := range kinds {
		objects = append(objects, stray{object, kind})
	}
	sort.Slice(objects, func(i, j int) bool { return objects[i].Object < objects[j].Object })
	return objects, nil
}

// recipes asks for the commands of objects, as many at a time as fit into an
// argument (MAX_ARG_STRLEN, include/uapi/linux/binfmts.h: 128 kB).
func (t *Tree) recipes(ctx context.Context, objects []stray) (map[string]recipe, error) {
	const most = 60_000
	var goals [][]string
	for size := most; len(objects) > 0; objects = objects[1:] {
		if size += len(objects[0].Object) + 1; size > most {
			goals, size = append(goals, nil), 0
		}
		goals[len(goals)-1] = append(goals[len(goals)-1], objects[0].Object)
	}
	answers := make([]*answer, len(goals))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(1, t.Jobs))
	for i := range goals {
		group.Go(func() (err error) {
			answers[i], err = t.query(ctx, nil, goals[i])
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	all := map[string]recipe{}
	for _, a := range answers {
		for object, r := range a.recipes {
			all[object] = r
		}
	}
	return all, nil
}

// add notes one unit. Its source is what the command compiles: an object of
// tools/lib/bpf is made in kernel/bpf.
func (c *catalog) add(t *Tree, object stray, r recipe, words map[string]int) error {
	compile, objtool, err := r.commands()
	if err != nil {
		return fault.Environmentf("%s: compile command that cannot be replayed: %w", object.Object, err).Hint("kbuild would run: %s", r.command)
	}
	u := listed{Source: path.Clean(compile[len(compile)-1]), Object: object.Object, Kind: object.Kind, Needs: t.missing(r.needs)}
	u.ModName, u.ModFile = moduleOf(compile)
	for i, w := range compile {
		if w == "-include" && i+1 < len(compile) {
			u.Forced = append(u.Forced, path.Clean(compile[i+1]))
		}
	}
	u.Compile = c.number(compile, words)
	if objtool != nil {
		u.Objtool = append([]int{}, c.number(objtool, words)...)
	}
	c.Units = append(c.Units, u)
	return nil
}

func (c *catalog) number(list []string, words map[string]int) []int {
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

func (c *catalog) text(numbers []int) []string {
	if numbers == nil {
		return nil
	}
	words := make([]string, 0, len(numbers))
	for _, n := range numbers {
		words = append(words, c.Words[n])
	}
	return words
}

// unit returns the i-th unit.
func (c *catalog) unit(i int) Unit {
	u := &c.Units[i]
	return Unit{Source: u.Source, Object: u.Object, Kind: u.Kind, ModName: u.ModName, ModFile: u.ModFile,
		compile: c.text(u.Compile), objtool: c.text(u.Objtool), needs: u.Needs}
}

// imageGoals are built for the sake of what kbuild tells about their parts.
// Their own files depend on vmlinux, or on each other: as much is made as can be.
var imageGoals = []struct{ dir, goal string }{
	{"arch/x86/boot", "arch/x86/boot/setup.elf"},
	{"", "drivers/firmware/efi/libstub/lib.a"},
}

// makeAll makes the generated files of all units in one run, keeps them where
// generated looks for them, and adds what they include to the graph. The tree
// is built in so far that kbuild has left a note on everything that is
// compiled besides units.
func (t *Tree) makeAll(ctx context.Context, c *catalog) error {
	var needs []string
	for i := range c.Units {
		needs = append(needs, c.Units[i].Needs...)
	}
	work, err := os.MkdirTemp(t.Cage.Work, "kintsugi-generate-")
	if err != nil {
		return fault.Environmentf("temporary directory: %w", err)
	}
	defer os.RemoveAll(work)
	root := filepath.Join(work, "tree")
	view, err := t.separate(root, append(slices.Clone(needs), "arch/x86/boot/.", "drivers/firmware/efi/libstub/."))
	if err != nil {
		return err
	}
	files, err := t.makeIn(ctx, view, unique(needs))
	if err != nil {
		return err
	}
	for _, g := range imageGoals {
		if err := t.makeImage(ctx, root, g.dir, g.goal); err != nil {
			return err
		}
	}
	c.addSides(t, root, view)
	has := func(file string) bool { return files[file] != nil || t.has(file) }
	for _, file := range slices.Sorted(maps.Keys(files)) {
		c.Extra.Add(file, includegraph.Scan(files[file]), has)
	}
	cache := t.unitCache()
	for i := range c.Units {
		if u := &c.Units[i]; len(u.Needs) > 0 {
			t.storeCache("generated-"+cache.key(u.Source).file(), beside(files, u.Needs))
		}
	}
	return nil
}

// makeImage makes as much of a goal as can be made without the kernel.
func (t *Tree) makeImage(ctx context.Context, root, dir, goal string) error {
	run, done, err := t.make(root, []string{goal})
	if err != nil {
		return err
	}
	defer done()
	run.Args = append(run.Args, "-k", "kintsugi_dir="+dir, "-j"+strconv.Itoa(max(1, t.Jobs)))
	_, err = run.Run(ctx)
	var exit *command.Error
	if errors.As(err, &exit) {
		return nil
	}
	return err
}

// addSides reads kbuild's notes in the view, and in the tree what preparing it
// has left. Sources of the boot loader stub without a note are compiled as
// their neighbours are: some of them want to know where vmlinux was linked to.
func (c *catalog) addSides(t *Tree, root string, view *shadow) {
	c.Sides = sidesBelow(t.Dir, []string{"kernel", "arch/x86/kernel", "arch/x86/tools", "scripts"})
	units := map[string]bool{}
	for i := range c.Units {
		units[path.Clean(c.Units[i].Object)] = true
	}
	seen := map[string]bool{}
	for _, s := range c.Sides {
		seen[s.Source] = true
	}
	neighbour := map[string]side{}
	for _, s := range sidesBelow(root, []string{"."}) {
		if seen[s.Source] || units[s.Object] {
			continue
		}
		seen[s.Source] = true
		c.Sides = append(c.Sides, s)
		neighbour[path.Dir(s.Source)+path.Ext(s.Source)] = s
	}
	c.Made = headersOf(view)
	for dir := range view.real {
		if !strings.HasPrefix(dir, "arch/x86/boot") {
			continue // all else was made, as far as it is part of the kernel
		}
		entries, _ := os.ReadDir(filepath.Join(t.Dir, dir))
		for _, e := range entries {
			source := path.Join(dir, e.Name())
			if like, ok := neighbour[dir+path.Ext(source)]; ok && !seen[source] {
				c.Sides = append(c.Sides, like.as(source))
			}
		}
	}
	for _, s := range c.Sides {
		c.keepMade(t, root, s.Deps)
	}
	c.Made["arch/x86/boot/voffset.h"] = t.addresses("VO_")
	c.Made["arch/x86/boot/zoffset.h"] = t.addresses("ZO_")
	c.Made["include/generated/utsversion.h"] = []byte("#define UTS_VERSION \"\"\n")
	sort.Slice(c.Sides, func(i, j int) bool { return c.Sides[i].Object < c.Sides[j].Object })
}

// addresses defines, as any number, what the boot loader stub asks for of the
// kernel's addresses: only linking the kernel tells these.
func (t *Tree) addresses(prefix string) []byte {
	names := map[string]bool{}
	for _, pattern := range []string{"*.[chS]", "compressed/*.[chS]"} {
		files, _ := filepath.Glob(filepath.Join(t.Dir, "arch/x86/boot", pattern))
		for _, file := range files {
			text, _ := os.ReadFile(file)
			for word := range ctext.Words(string(text)) {
				if strings.HasPrefix(word, prefix) && !isMacro(word) {
					names[word] = true
				}
			}
		}
	}
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(names)) {
		text.WriteString("#define " + name + " 0x1000\n")
	}
	return []byte(text.String())
}

// isMacro reports whether a name is all capitals, as those are that the stub
// defines itself.
func isMacro(name string) bool { return name == strings.ToUpper(name) }

// keepMade keeps those of files that were made below root.
func (c *catalog) keepMade(t *Tree, root string, files []string) {
	for _, file := range files {
		if !filepath.IsLocal(file) || t.has(file) || c.Made[file] != nil {
			continue
		}
		if text, err := os.ReadFile(filepath.Join(root, file)); err == nil {
			c.Made[file] = text
		}
	}
}

// headersOf returns the headers that were made in a view.
func headersOf(view *shadow) map[string][]byte {
	made := map[string][]byte{}
	for dir := range view.real {
		entries, _ := os.ReadDir(filepath.Join(view.root, dir))
		for _, e := range entries {
			file := path.Join(dir, e.Name())
			if !e.Type().IsRegular() || path.Ext(file) != ".h" {
				continue
			}
			if _, err := os.Lstat(filepath.Join(view.tree, file)); err == nil {
				continue
			}
			if text, err := os.ReadFile(filepath.Join(view.root, file)); err == nil {
				made[file] = text
			}
		}
	}
	return made
}

// beside returns those of files that are needed, and the headers in the same
// directories, which came along with them.
func beside(files map[string][]byte, needs []string) map[string][]byte {
	some := map[string][]byte{}
	for _, need := range needs {
		some[need] = files[need]
		for file := range files {
			if path.Dir(file) == path.Dir(need) && path.Ext(file) == ".h" {
				some[file] = files[file]
			}
		}
	}
	return some
}

// moduleOf reads a unit's module from the command that compiles it.
func moduleOf(compile []string) (name, file string) {
	for _, word := range compile {
		if s, ok := strings.CutPrefix(word, "-DKBUILD_MODNAME="); ok {
			name = strings.Trim(s, `"`)
		}
		if s, ok := strings.CutPrefix(word, "-DKBUILD_MODFILE="); ok {
			file = strings.Trim(s, `"`)
		}
	}
	return name, file
}
