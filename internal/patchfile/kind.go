package patchfile

import (
	"path"
	"strings"
)

// Kind is the role of a file in the kernel's build. Kinds are ordered: of two names
// of a file, the greater kind decides.
type Kind int

const (
	Ignorable Kind = iota // no unit compiles it: documentation, maintainers' and host tools' files
	Source                // C that is compiled, or included by C that is
	Header                // included by C
	Assembly              // not compiled: without reliable function boundaries
	BuildFile             // steers or feeds the build: Kconfig, Makefile, linker script, generator
)

func (k Kind) String() string {
	return [...]string{"ignorable", "source", "header", "assembly", "build-file"}[k]
}

// Classify returns the kind of a file by its path in the kernel tree. An unknown file
// can be an input of the build, and is a BuildFile: ignoring a change needs a reason,
// refusing it does not. The empty path is Ignorable.
func Classify(name string) Kind {
	base, ext := path.Base(name), path.Ext(name)
	switch {
	case name == "" || isDocumentation(name):
		return Ignorable
	case isBuildFile(name, base):
		return BuildFile
	case ext == ".c":
		return Source
	case ext == ".h" || ext == ".inc" || ext == ".inl" || ext == ".def":
		return Header
	case ext == ".S" || ext == ".s":
		return Assembly
	}
	return BuildFile
}

// isDocumentation reports whether no build of a kernel reads the file. Text files
// below arch/ are not documentation: some are tables of opcodes, from which the build
// generates instruction decoders.
func isDocumentation(name string) bool {
	top, _, below := strings.Cut(name, "/")
	switch {
	case hasPrefix(name, usedTools):
		return false
	case below && (top == "Documentation" || top == "LICENSES" || top == "tools"):
		return true
	}
	base := path.Base(name)
	switch path.Ext(name) {
	case ".rst", ".txt", ".md", ".yaml", ".cocci":
		build := top == "arch" || top == "scripts" || strings.HasPrefix(base, "Kconfig") ||
			strings.HasPrefix(base, "Makefile")
		return !build
	}
	switch base {
	case "MAINTAINERS", "CREDITS", "COPYING", "README", "TODO", "ChangeLog",
		".mailmap", ".gitignore", ".gitattributes", ".clang-format", ".cocciconfig",
		".editorconfig", ".rustfmt.toml", ".get_maintainer.ignore", ".kunitconfig":
		return true
	}
	return false
}

// usedTools are the parts of tools/ that the kernel's build uses: kernel/bpf
// compiles tools/lib/bpf/relo_core.c (kernel/bpf/Makefile), test modules include
// the selftests' header, and two programs rewrite objects.
var usedTools = []string{"tools/lib/", "tools/testing/selftests/kselftest_module.h", "tools/objtool/",
	"tools/bpf/resolve_btfids/"}

// hostDirs hold host programs and data of the build.
var hostDirs = []string{"scripts/", "usr/", "tools/objtool/", "tools/bpf/resolve_btfids/"}

func hasPrefix(name string, prefixes []string) bool {
	for _, prefix := range prefixes {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// isBuildFile reports whether the build reads the file without compiling it for
// the kernel.
func isBuildFile(name, base string) bool {
	return hasPrefix(name, hostDirs) || base == "Kbuild" ||
		strings.HasPrefix(base, "Kconfig") || strings.HasPrefix(base, "Makefile") ||
		strings.HasSuffix(base, ".lds.S") || strings.HasSuffix(base, ".lds.h")
}

// ForeignArch reports whether a file belongs to another architecture than arch, a
// directory name below arch/. No unit of the target reads such a file.
func ForeignArch(name, arch string) bool {
	rest, found := strings.CutPrefix(name, "arch/")
	dir, _, below := strings.Cut(rest, "/")
	return found && below && dir != arch
}
