// Package kbuild describes a prepared kernel source tree and the translation units that kbuild, the
// kernel's build system, compiles in it.
//
// The packages below it run programs. They ask kbuild which units a changed file belongs to and
// which command compiles each unit (query, catalog, plan). They make generated files (generate),
// and run the commands outside the tree, in a view with the patched files (overlay, compile,
// nonunit). The tree is never written to.
package kbuild

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"kintsugi/internal/arch"
	"kintsugi/internal/cage"
)

// Tree is a prepared kernel source tree: configured, with generated headers and objtool, as `make
// prepare modules_prepare` leaves it.
type Tree struct {
	Dir      string     // absolute
	Arch     *arch.Arch // architecture that the tree is prepared for
	CC       string     // name by which kbuild calls the compiler, for example gcc-12
	CacheDir string     // folder for kbuild's answers about this tree; empty: no cache
	Jobs     int        // number of compilers that run in parallel; less than 1 means 1
	Launcher []string   // program and arguments that run the compiler, such as ccache or distcc
	Cage     cage.Cage  // cage for programs of the tree
	Progress Progress   // optional
}

// Progress receives how many units of a step are done, and the estimated time left (0 while
// unknown). It is called from one goroutine at a time.
type Progress func(step string, done, total int64, left time.Duration)

// Parallel returns the number of programs that run in parallel.
func (t *Tree) Parallel() int { return max(1, t.Jobs) }

// Has reports whether the tree has a regular file.
func (t *Tree) Has(file string) bool {
	info, err := os.Stat(filepath.Join(t.Dir, file))
	return err == nil && info.Mode().IsRegular()
}

// Missing returns the prerequisites that preparing the tree does not make.
func (t *Tree) Missing(needs []string) []string {
	return slices.DeleteFunc(needs, func(file string) bool {
		_, err := os.Lstat(filepath.Join(t.Dir, file))
		return err == nil || file == "FORCE"
	})
}

var outsideKernel = map[string]bool{"Documentation": true, "LICENSES": true, "samples": true}

// Walk calls f for every regular file that may contribute to this kernel's
// code, with its path relative to the tree.
func (t *Tree) Walk(f func(file string) error) error {
	return filepath.WalkDir(t.Dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(t.Dir, name)
		switch {
		case err != nil:
			return err
		case d.IsDir() && (outsideKernel[rel] || t.otherArch(rel)):
			return fs.SkipDir
		case d.IsDir() && path.Dir(rel) == "tools" && rel != "tools/lib":
			return fs.SkipDir // kernel/bpf/relo_core.c is in tools/lib; everything else there is a program
		case !d.Type().IsRegular():
			return nil
		}
		return f(rel)
	})
}

// otherArch reports whether dir belongs to an architecture for which the tree is not prepared.
func (t *Tree) otherArch(dir string) bool {
	if path.Dir(dir) != "arch" {
		return false
	}
	_, err := os.Stat(filepath.Join(t.Dir, dir, "include/generated"))
	return err != nil
}

// IsHeader reports whether a unit contains the text of file only if another
// file includes it.
func IsHeader(file string) bool {
	switch path.Ext(file) {
	case ".h", ".inc", ".def":
		return true
	}
	return false
}

// Set returns the sorted set of the strings of a list.
func Set(list []string) []string {
	sorted := slices.Clone(list)
	slices.Sort(sorted)
	return slices.Compact(sorted)
}
