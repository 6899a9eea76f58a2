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
	Object  string   // as kbuild names it; may contain ".." (virt/kvm is compiled as DIR/../../../virt/kvm/kvm_main.o)
	ModName string   // KBUILD_MODNAME: the module's name (several are joined by ":"), or what it would be if it were one
	ModFile string   // KBUILD_MODFILE, where the tree sets it for the unit
	Kind    Kind     // what the object is linked into
	Changed []string // the changed files that the unit was planned for, sorted
	New     bool     // the patch adds the file; its original is an empty file
	Types   bool     // compile with types in the debug info, which costs a fifth of the compiler's time
	Header  bool     // only headers of the unit are changed, if any: the unit may turn out to include none of them

	Compile []string // the compiler and its arguments, as kbuild would run them in the tree
	Objtool []string // objtool's options without program and object; nil: kbuild runs none
	Needs   []string // generated files that kbuild makes before this unit
}

// Builtin reports whether the unit's code is part of vmlinux.
func (u *Unit) Builtin() bool { return u.Kind != Module }

// Owners are the objects in the kernel's sense that have the unit's code:
// vmlinux, or modules by name. Several modules can share a unit (modname-multi,
// scripts/Makefile.lib).
func (u *Unit) Owners() []string {
	if u.Builtin() {
		return []string{"vmlinux"}
	}
	return strings.Split(u.ModName, ":")
}

// WantsGenerated reports whether the unit includes files that are generated
// first, so that the bare compiler cannot compile it in the tree.
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

// Pair is a unit compiled twice, each object as objtool left it.
type Pair struct {
	Unit     Unit
	SameCode bool     // only types of exports differ; objtool did not run
	Original []byte   // ELF relocatable object of the pristine source
	Patched  []byte   // of the patched source
	Deps     []string // every file that went into one of the two, relative to the tree, sorted
}

// Reached returns all files that the pairs were compiled from, sorted.
func Reached(pairs []Pair) []string {
	var files []string
	for _, p := range pairs {
		files = append(files, p.Deps...)
	}
	return Set(files)
}

// CleanPaths returns the sorted set of the lexically cleaned paths of both
// lists.
func CleanPaths(a, b []string) []string {
	var all []string
	for _, list := range [][]string{a, b} {
		for _, p := range list {
			all = append(all, path.Clean(p))
		}
	}
	return Set(all)
}
