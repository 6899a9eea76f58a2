// Package toolchain keeps the programs that compile a target: compiler, binutils and
// the other programs of the kernel's build. Only the compiler that built the kernel
// makes its code again byte for byte. For Debian's kernels this is the compiler of the
// suite, not that of the machine.
package toolchain

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"kintsugi/internal/apt"
	"kintsugi/internal/fault"
)

// Kind is the origin of a toolchain.
type Kind string

const (
	Host   Kind = "host"   // the programs of this machine
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

// OfHost is the toolchain of this machine.
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

// Spec is the user's choice of a toolchain. The zero value leaves the choice to the
// target.
type Spec struct {
	Kind    Kind
	Suite   string // for Debian
	Root    string // for Folder
	Version string // of the compiler's package, if the kernel's own is no longer offered
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
			return Spec{}, fault.Inputf("%q is not a suite of Debian with toolchains", name)
		}
		return Spec{Kind: Debian, Suite: name}, nil
	}
	root, err := filepath.Abs(text)
	if err != nil {
		return Spec{}, err
	}
	return Spec{Kind: Folder, Root: root}, nil
}

// Need is what a kernel needs of a toolchain.
type Need struct {
	CC   string // the compiler's command: gcc-12
	Text string // CONFIG_CC_VERSION_TEXT: gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0
	Rust bool   // parts of the kernel are Rust
}

// commonPackages are the packages of the kernel's build (Debian's linux source,
// Build-Depends; Documentation/process/changes.rst), and the launchers ccache and
// distcc.
var commonPackages = []string{
	"binutils", "make", "flex", "bison", "bc", "perl-base", "python3-minimal", "pahole|dwarves", "libc6-dev",
	"libelf-dev", "libssl-dev", "openssl", "zlib1g-dev",
	"bash", "coreutils", "dash", "diffutils", "findutils", "grep", "gzip", "mawk", "sed", "tar", "xz-utils", "zstd",
	"lz4", "kmod", "cpio",
	"ccache", "distcc",
}

// rustPackages are the further packages for a kernel with Rust code.
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
