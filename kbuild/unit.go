package kbuild

import (
	"path"
	"strings"
)

// Kind is what a unit's object is linked into.
type Kind string

const (
	Vmlinux Kind = "vmlinux" // an object of vmlinux
	Library Kind = "library" // a member of a lib.a that vmlinux is linked with
	Module  Kind = "module"  // an object of a loadable module
)

// Unit is one translation unit: one run of the compiler. All paths are
// relative to the tree.
type Unit struct {
	Source  string
	Object  string   // kbuild's name; may contain ".." (DIR/../../../virt/kvm/kvm_main.o)
	ModName string   // KBUILD_MODNAME: the module's name, several joined by ":"; set for vmlinux too
	ModFile string   // KBUILD_MODFILE; empty if the tree does not set it
	Kind    Kind     // what the object is linked into
	Changed []string // changed files that reach the unit, sorted
	New     bool     // the patch adds the file; its original is an empty file
	Types   bool     // compile with types in the debug info, which costs a fifth of the compiler's time
	Header  bool     // only headers changed; the unit may not include them

	Compile []string // compiler and arguments with which kbuild would run it in the tree
	Objtool []string // objtool's options; nil: kbuild does not run objtool
	Needs   []string // generated files that kbuild makes before this unit
}

// Builtin reports whether the unit's code is part of vmlinux.
func (u *Unit) Builtin() bool { return u.Kind != Module }

// Owners returns the objects (in livepatch's sense) that contain the unit's code: vmlinux, or
// modules by name. Several modules can share a unit (modname-multi, scripts/Makefile.lib).
func (u *Unit) Owners() []string {
	if u.Builtin() {
		return []string{"vmlinux"}
	}
	return strings.Split(u.ModName, ":")
}

// WantsGenerated reports whether the unit needs generated files, so that the compiler alone cannot
// compile it in the tree.
func (u *Unit) WantsGenerated() bool { return len(u.Needs) > 0 }

// ModuleOf reads a unit's module from the command that compiles it.
func ModuleOf(compile []string) (name, file string) {
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

// Pair is a unit compiled twice, each object after objtool.
type Pair struct {
	Unit     Unit
	SameCode bool     // only types of exports differ; objtool did not run
	Original []byte   // ELF object of the pristine source
	Patched  []byte   // ELF object of the patched source
	Deps     []string // every file that either object was compiled from, relative to the tree, sorted
}

// Reached returns all files that the pairs were compiled from, sorted.
func Reached(pairs []Pair) []string {
	var files []string
	for _, p := range pairs {
		files = append(files, p.Deps...)
	}
	return Set(files)
}

// CleanPaths returns the sorted set of the cleaned paths of both lists.
func CleanPaths(a, b []string) []string {
	var all []string
	for _, list := range [][]string{a, b} {
		for _, p := range list {
			all = append(all, path.Clean(p))
		}
	}
	return Set(all)
}
