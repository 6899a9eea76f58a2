package target

import (
	"regexp"
	"strings"

	"kintsugi/internal/fault"
)

// identity has the parts of a kernel's linux_banner (init/version.c):
//
//	Linux version RELEASE (USER@HOST) (COMPILER, LINKER) #1 SMP PREEMPT_DYNAMIC TIMESTAMP
type identity struct {
	Release   string // 6.1.0-56-amd64
	User      string // debian-kernel
	Host      string // lists.debian.org
	Compiler  string // compiler and linker
	Build     string // 1, the number after #
	Timestamp string // a date, or the builder's text: Debian 6.1.192-2 (2026-11-16)
}

var bannerForm = regexp.MustCompile(`^Linux version (\S+) \(([^@\s]*)@(\S*)\) \((.*)\) ` +
	`#(\S+)((?: SMP| PREEMPT| PREEMPT_DYNAMIC| PREEMPT_RT)*) (.+)$`)

func parseBanner(banner string) (identity, error) {
	m := bannerForm.FindStringSubmatch(strings.TrimRight(banner, "\n"))
	if m == nil {
		return identity{}, fault.Inputf("unknown form of the image's banner: %q", banner)
	}
	id := identity{Release: m[1], User: m[2], Host: m[3], Compiler: m[4], Build: m[5], Timestamp: m[7]}
	for _, text := range id.makeVars() {
		if !plainText.MatchString(text) {
			return identity{}, fault.Inputf("odd characters in the image's banner: %q", banner)
		}
	}
	return id, nil
}

// plainText matches values that may become a make variable: make and the shell of its
// recipes interpret a dollar sign, a quote or a backtick.
var plainText = regexp.MustCompile(`^[A-Za-z0-9 ()=.,:;+~_@/-]*$`)

// makeVars are the make variables with which kbuild generates the kernel's own
// utsrelease.h, utsversion.h and compile.h.
func (id identity) makeVars() []string {
	return []string{
		"KERNELRELEASE=" + id.Release,
		"KBUILD_BUILD_USER=" + id.User,
		"KBUILD_BUILD_HOST=" + id.Host,
		"KBUILD_BUILD_VERSION=" + id.Build,
		"KBUILD_BUILD_TIMESTAMP=" + id.Timestamp,
	}
}

// debianForm matches the package version in the timestamp of Debian's kernels.
var debianForm = regexp.MustCompile(`^Debian ([^ ]+) \(`)

// debianVersion returns the version of the source package, empty if the kernel is not
// Debian's.
func (id identity) debianVersion() string {
	if m := debianForm.FindStringSubmatch(id.Timestamp); m != nil {
		return m[1]
	}
	return ""
}

// kernelVersion matches a version with three numbers.
var kernelVersion = regexp.MustCompile(`\b([0-9]+\.[0-9]+)\.([0-9]+)\b`)

// checkSource refuses a source tree of another version than the image's. If the
// timestamp has the version, as Debian's does, it decides: in the release the ABI's
// number replaces the third number. Other releases of this form (5.15.0-91) show only
// the first two numbers.
func (id identity) checkSource(version string) error {
	wrong := fault.Inputf("the source is version %s, the image is %s (%s)", version, id.Release, id.Timestamp).
		Hint("use the source that the image was built from")
	source := kernelVersion.FindStringSubmatch(version)
	release := kernelVersion.FindStringSubmatch(id.Release)
	if source == nil || release == nil || source[1] != release[1] {
		return wrong
	}
	for _, stamped := range kernelVersion.FindAllStringSubmatch(id.Timestamp, -1) {
		if stamped[1] == source[1] {
			release = stamped
		}
	}
	if release[2] == source[2] || release[0]+"-" == abiRelease.FindString(id.Release) {
		return nil
	}
	return wrong
}

// abiRelease matches the begin of a release that is named by ABI: 5.15.0-91-generic.
var abiRelease = regexp.MustCompile(`^[0-9]+\.[0-9]+\.0-`)
