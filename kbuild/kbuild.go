// Package kbuild is the only room that runs make, the compiler, objtool and
// ld. It asks the kernel's own build system which translation units a changed
// file belongs to and with which command each is compiled, and replays those
// commands outside the tree, which is never written to.
package kbuild

import (
	"strings"

	"kintsugi/internal/cage"
)

// Tree is a prepared kernel source tree: configured, with its generated
// headers and objtool built (what `make prepare modules_prepare` leaves).
type Tree struct {
	Dir      string    // absolute
	CC       string    // the compiler as kbuild is to call it, for example gcc-12
	CacheDir string    // where answers of kbuild about this tree are kept; empty: nowhere
	Jobs     int       // how many compilers run at once; less than 1 means 1
	Launcher []string  // a program, with its arguments, to run the compiler with, such as ccache or distcc
	Cage     cage.Cage // what programs of the tree run in
	Progress Progress  // told of steps that take long; nil: nobody
}

// Kind tells what a unit's object is linked into.
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
	Object  string   // as kbuild names it; may contain ".." (arch/x86/kvm/../../../virt/kvm/kvm_main.o)
	ModName string   // KBUILD_MODNAME: the module's name (several are joined by ":"), or what it would be if it were one
	ModFile string   // KBUILD_MODFILE, where the tree sets it for the unit
	Kind    Kind     // what the object is linked into
	Changed []string // the changed files that the unit was planned for, sorted
	New     bool     // the patch adds the file; its original is an empty one
	Types   bool     // the debug info is to have types too, which costs a fifth of the compiler's time
	Header  bool     // only headers of the unit are changed, if any: it may turn out to have none of them

	compile []string // the compiler and its arguments, as kbuild would run them in the tree
	objtool []string // objtool's options without program and object; nil: kbuild runs none
	needs   []string // generated files that kbuild makes before this unit
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

// WantsGenerated reports whether the bare compiler cannot compile the unit in
// the tree: it has files that are generated first.
func (u *Unit) WantsGenerated() bool { return len(u.needs) > 0 }
