package catalog

import (
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"kintsugi/internal/ctext"
	"kintsugi/internal/makefile"
	"kintsugi/kbuild"
	"kintsugi/kbuild/overlay"
)

// NonUnit is something that the kernel's build compiles, but that a livepatch cannot change:
// assembly, the source of a generated header, a program of the build, code of another image than
// vmlinux.
type NonUnit struct {
	Source, Object string
	Compile        []string
	Deps           []string // files that it was compiled from; nil: unknown

	Needs   []string `json:"-"` // generated files that it needs
	Changed []string `json:"-"` // files of the patch that it may include
}

// likewise returns another source of the same directory, compiled with the command of n.
func (n NonUnit) likewise(source string) NonUnit {
	object := strings.TrimSuffix(source, path.Ext(source)) + ".o"
	other := NonUnit{Source: source, Object: object}
	for _, w := range n.Compile {
		switch {
		case path.Clean(w) == n.Source:
			w = source
		case w == n.Object:
			w = object
		}
		other.Compile = append(other.Compile, w)
	}
	return other
}

// savedBelow reads the commands that kbuild has saved in dirs of root, sorted by object.
func savedBelow(root string, dirs []string) []NonUnit {
	var found []NonUnit
	seen := map[string]bool{}
	for _, dir := range dirs {
		_ = filepath.WalkDir(filepath.Join(root, dir), func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasPrefix(d.Name(), ".") || path.Ext(name) != ".cmd" {
				return nil
			}
			text, err := os.ReadFile(name)
			if err != nil {
				return nil
			}
			if s := makefile.ReadSaved(text); s != nil && !seen[s.Object] {
				seen[s.Object] = true
				found = append(found, NonUnit{Source: s.Source, Object: s.Object, Compile: s.Compile, Deps: s.Deps})
			}
			return nil
		})
	}
	sortByObject(found)
	return found
}

func sortByObject(list []NonUnit) {
	slices.SortFunc(list, func(a, b NonUnit) int { return strings.Compare(a.Object, b.Object) })
}

// preparedDirs returns the directories in which preparing a tree compiles: sources of generated
// headers, and programs of the build.
func preparedDirs(t *kbuild.Tree) []string {
	dirs := []string{"kernel", path.Join("arch", t.Arch.Kernel, "kernel")}
	if tools := t.Arch.Kbuild.Tools; tools != "" {
		dirs = append(dirs, tools)
	}
	return append(dirs, "scripts")
}

// addNonUnits reads the commands that kbuild has saved in the view, and in the tree when it was
// prepared. Boot code that kbuild has not compiled gets the command of its neighbours: some of it
// needs the addresses of the linked vmlinux.
func (c *Catalog) addNonUnits(t *kbuild.Tree, view *overlay.View) {
	c.NonUnits = savedBelow(t.Dir, preparedDirs(t))
	units := map[string]bool{}
	for i := range c.Units {
		units[path.Clean(c.Units[i].Object)] = true
	}
	seen := map[string]bool{}
	for _, n := range c.NonUnits {
		seen[n.Source] = true
	}
	neighbour := map[string]NonUnit{} // by directory and extension
	for _, n := range savedBelow(view.Root, []string{"."}) {
		if seen[n.Source] || units[n.Object] {
			continue
		}
		seen[n.Source] = true
		c.NonUnits = append(c.NonUnits, n)
		neighbour[path.Dir(n.Source)+path.Ext(n.Source)] = n
	}
	c.NonUnits = append(c.NonUnits, bootSources(t, view, neighbour, seen)...)
	c.Made = view.Headers()
	for _, n := range c.NonUnits {
		c.keepMade(t, view.Root, n.Deps)
	}
	for _, linked := range t.Arch.Kbuild.Linked {
		c.Made[linked.Header] = addresses(t, linked.Prefix)
	}
	c.Made["include/generated/utsversion.h"] = []byte("#define UTS_VERSION \"\"\n")
	sortByObject(c.NonUnits)
}

// bootSources returns the sources of the boot code that kbuild has not compiled. kbuild has
// compiled everything else that is part of the kernel.
func bootSources(t *kbuild.Tree, view *overlay.View, neighbour map[string]NonUnit, seen map[string]bool) []NonUnit {
	var found []NonUnit
	boot := t.Arch.Kbuild.BootDir
	for _, dir := range view.Dirs() {
		if boot == "" || !strings.HasPrefix(dir, boot) {
			continue
		}
		entries, _ := os.ReadDir(filepath.Join(t.Dir, dir))
		for _, e := range entries {
			source := path.Join(dir, e.Name())
			if like, ok := neighbour[dir+path.Ext(source)]; ok && !seen[source] {
				found = append(found, like.likewise(source))
			}
		}
	}
	return found
}

// addresses defines the macros with a prefix that the boot code uses for addresses in the kernel.
// Their values are arbitrary, because only linking the kernel fixes them.
func addresses(t *kbuild.Tree, prefix string) []byte {
	names := map[string]bool{}
	for _, pattern := range []string{"*.[chS]", "compressed/*.[chS]"} {
		files, _ := filepath.Glob(filepath.Join(t.Dir, t.Arch.Kbuild.BootDir, pattern))
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

// isMacro reports whether a name is all capitals, like the boot code's own names.
func isMacro(name string) bool { return name == strings.ToUpper(name) }

// keepMade stores those of files that were made below root.
func (c *Catalog) keepMade(t *kbuild.Tree, root string, files []string) {
	for _, file := range files {
		if !filepath.IsLocal(file) || t.Has(file) || c.Made[file] != nil {
			continue
		}
		if text, err := os.ReadFile(filepath.Join(root, file)); err == nil {
			c.Made[file] = text
		}
	}
}
