// Package toolchain keeps what compiles a target: compiler, binutils and all
// else that the kernel's own build runs. A kernel's code can be compiled again
// byte for byte only by the very compiler that the kernel was built with, which
// is that of Debian's suite and not that of the machine.
package toolchain

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"kintsugi/internal/apt"
	"kintsugi/internal/fault"
)

// Kind says where a toolchain comes from.
type Kind string

const (
	Host   Kind = "host"   // what is installed on this machine
	Folder Kind = "folder" // any root that the user has
	Debian Kind = "debian" // a suite's packages, unpacked in the store
)

// Toolchain is a root with the programs that compile a target.
type Toolchain struct {
	Name     string        `json:"name"` // "host", trixie-1a2b3c4d, or the folder
	Kind     Kind          `json:"kind"`
	Suite    string        `json:"suite,omitempty"`
	Root     string        `json:"root"` // "/" for the host's
	Packages []apt.Package `json:"packages,omitempty"`
}

// OfHost is the toolchain that is installed on this machine.
var OfHost = Toolchain{Name: "host", Kind: Host, Root: "/"}

// Version returns the version of a package of the toolchain, empty for none.
func (t *Toolchain) Version(name string) string {
	for _, p := range t.Packages {
		if p.Name == name {
			return p.Version
		}
	}
	return ""
}

// Spec is which toolchain a target is to have. The zero value leaves the choice
// to the target.
type Spec struct {
	Kind    Kind
	Suite   string // for Debian
	Root    string // for Folder
	Version string // of the compiler's package, where the kernel's own is no longer offered
}

// ParseSpec reads host, debian:SUITE or the path of a root.
func ParseSpec(text string) (Spec, error) {
	if text == "" {
		return Spec{}, nil
	}
	if text == string(Host) {
		return Spec{Kind: Host}, nil
	}
	if name, ok := strings.CutPrefix(text, "debian:"); ok {
		if _, known := apt.FindSuite(name); !known {
			return Spec{}, fault.Inputf("%q is not a suite of Debian that toolchains are taken from", name)
		}
		return Spec{Kind: Debian, Suite: name}, nil
	}
	root, err := filepath.Abs(text)
	if err != nil {
		return Spec{}, err
	}
	return Spec{Kind: Folder, Root: root}, nil
}

// Need is what a kernel wants of a toolchain.
type Need struct {
	CC   string // the compiler's command: gcc-12
	Text string // CONFIG_CC_VERSION_TEXT: gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0
	Rust bool   // parts of the kernel are Rust
}

// commonPackages are what the kernel's own build runs (Debian's linux source,
// Build-Depends; Documentation/process/changes.rst). ccache and distcc are
// launchers that compilers can be run through.
var commonPackages = []string{
	"binutils", "make", "flex", "bison", "bc", "perl-base", "python3-minimal", "pahole|dwarves", "libc6-dev", "libelf-dev", "libssl-dev", "zlib1g-dev",
	"bash", "coreutils", "dash", "diffutils", "findutils", "grep", "gzip", "mawk", "sed", "tar", "xz-utils", "zstd", "lz4", "kmod", "cpio",
	"ccache", "distcc",
}

// rustPackages are what a kernel with Rust in it needs besides.
var rustPackages = []string{"rustc", "rust-src", "bindgen", "rustfmt", "libclang-rt-dev|clang"}

// debianVersion finds the package version in "gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0".
var debianVersion = regexp.MustCompile(`\(Debian ([^ )]+)\)`)

// gccMajor finds 12 in "gcc (Debian 12.2.0-14+deb12u1) 12.2.0".
var gccMajor = regexp.MustCompile(`\) ([0-9]+)\.`)

// CompilerPackage names the Debian package of the compiler that a kernel was
// built with, and its version, which is empty if the compiler is not Debian's.
func (n Need) CompilerPackage(triple string) (name, version string) {
	name = strings.TrimPrefix(n.CC, triple+"-")
	if m := gccMajor.FindStringSubmatch(n.Text); m != nil && name == "gcc" {
		name += "-" + m[1]
	}
	if m := debianVersion.FindStringSubmatch(n.Text); m != nil {
		version = m[1]
	}
	return name, version
}

// String is the toolchain for a person.
func (t *Toolchain) String() string {
	if t.Kind == Debian {
		return fmt.Sprintf("%s (%d packages of %s)", t.Name, len(t.Packages), t.Suite)
	}
	return t.Name
}
