package target

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"kintsugi/internal/disk"
	"kintsugi/internal/fault"
)

// includeForm matches the line of the Makefile of Debian's linux-headers-RELEASE that
// includes the common Makefile. Before 6.19 it is the only line.
var includeForm = regexp.MustCompile(`(?m)^include /usr/src/([A-Za-z0-9.+~_-]+)/Makefile$`)

// outputForm matches the line before it since 6.19, with the folder of the headers.
var outputForm = regexp.MustCompile(`(?m)^KBUILD_OUTPUT=/usr/src/[A-Za-z0-9.+~_-]+$`)

// relocateHeaders makes unpacked headers work in their folder: their Makefile has
// absolute paths. All links are relative.
func relocateHeaders(headers string) error {
	path := filepath.Join(headers, "Makefile")
	text, err := os.ReadFile(path)
	if err != nil {
		return disk.Fault(err)
	}
	if !includeForm.Match(text) {
		return fault.Environmentf("%s is not the Makefile of Debian's headers", path)
	}
	text = outputForm.ReplaceAllLiteral(text,
		[]byte("KBUILD_OUTPUT := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))"))
	text = includeForm.ReplaceAll(text, []byte("include $$(dir $$(lastword $$(MAKEFILE_LIST)))../$1/Makefile"))
	return disk.WriteFile(path, text)
}

// checkHeaders refuses a folder of headers that make cannot use, such as that of a
// package that was unpacked but not installed.
func checkHeaders(headers string) error {
	text, err := os.ReadFile(filepath.Join(headers, "Makefile"))
	if err != nil {
		return fault.Inputf("headers: %w", err).
			Hint("use the folder for make -C: /usr/src/linux-headers-RELEASE or a kernel's build folder")
	}
	if m := absoluteInclude.FindSubmatch(text); m != nil {
		if _, err := os.Stat(string(m[1])); err != nil {
			return fault.Inputf("headers: their Makefile includes a missing file: %w", err).
				Hint("install the headers package, or change the path")
		}
	}
	return nil
}

var absoluteInclude = regexp.MustCompile(`(?m)^include (/\S+)$`)

// define reads a string from a generated header: #define NAME "value".
func define(path, name string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", input(err)
	}
	m := regexp.MustCompile(`(?m)^#define ` + name + `\s+"(.*)"\s*$`).FindSubmatch(text)
	if m == nil {
		return "", fault.Inputf("%s: no %s", path, name)
	}
	return string(m[1]), nil
}

// headersRelease is the release of modules that are compiled with headers. It is not
// in include/config/kernel.release, where Debian's 6.1 headers have 6.1.192.
func headersRelease(headers string) (string, error) {
	release, err := define(filepath.Join(headers, "include/generated/utsrelease.h"), "UTS_RELEASE")
	if err != nil {
		return "", fmt.Errorf("headers: %w", err)
	}
	return release, nil
}

// distributionVars are the make variables of Debian's kernel source with which the
// shipped include/generated/package.h is generated, which stack traces print. Other
// kernels have no such header.
func distributionVars(headers string) []string {
	id, err := define(filepath.Join(headers, "include/generated/package.h"), "LINUX_PACKAGE_ID")
	distributor, version, ok := strings.Cut(strings.TrimSpace(id), " ")
	if err != nil || !ok || !plainText.MatchString(id) {
		return nil
	}
	return []string{"DISTRIBUTION_OFFICIAL_BUILD=1", "DISTRIBUTOR=" + distributor, "DISTRIBUTION_VERSION=" + version}
}

// headersFiles are the files that decide about the code of a module.
var headersFiles = []string{"Makefile", "Module.symvers", ".config", "include/generated/autoconf.h",
	"include/generated/utsrelease.h"}

// hashHeaders returns a hash over headersFiles. Only Module.symvers and utsrelease.h
// must exist.
func hashHeaders(headers string) (string, error) {
	hash := sha256.New()
	for _, name := range headersFiles {
		data, err := os.ReadFile(filepath.Join(headers, name))
		if err != nil && (name == "Module.symvers" || name == "include/generated/utsrelease.h") {
			return "", fmt.Errorf("headers: %w", input(err))
		}
		fmt.Fprintf(hash, "%s %d\n", name, len(data))
		hash.Write(data)
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// checkUnchanged refuses a target whose headers have changed since it was added: they
// can be a folder of the user's.
func (t *Target) checkUnchanged() error {
	sum, err := hashHeaders(t.Headers)
	if err == nil && sum == t.HeadersSum {
		return nil
	}
	if err == nil {
		err = fmt.Errorf("%s has other contents than before", t.Headers)
	}
	return fault.Environmentf("target %s: its headers changed: %w", t.Name, err).
		Hint("kintsugi target rm %s, then add it again", t.Name)
}
