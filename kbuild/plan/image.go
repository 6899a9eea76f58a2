package kbuild

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"kintsugi/internal/fault"
)

// images are the directories whose code is linked into another image than
// vmlinux.
var images = []struct{ dir, image string }{
	{"arch/x86/entry/vdso", "the vDSO"},
	{"arch/x86/realmode", "the real-mode trampoline"},
	{"arch/x86/boot", "the boot loader stub"},
	{"arch/x86/purgatory", "the kexec purgatory"},
	{"drivers/firmware/efi/libstub", "the EFI stub"},
}

// otherImage names the image that a file's code is linked into by its
// directory, empty for vmlinux and modules.
func otherImage(file string) string {
	for _, i := range images {
		if strings.HasPrefix(file, i.dir+"/") {
			return i.image
		}
	}
	return ""
}

// alsoIn names another image that a C file outside of these directories may be
// compiled for, as CheckSides will say. Empty: there is none.
func (t *Tree) alsoIn(file string) (image string, err error) {
	if path.Ext(file) != ".c" || otherImage(file) != "" {
		return "", nil
	}
	if image, err := t.includedIn(file); image != "" || err != nil {
		return image, err
	}
	return t.namedIn(strings.TrimSuffix(path.Base(file), ".c"))
}

// includedIn names the image by a file of it that includes file
// (lib/vdso/gettimeofday.c).
func (t *Tree) includedIn(file string) (image string, err error) {
	table, err := t.includersOfC()
	if err != nil {
		return "", err
	}
	for _, by := range slices.Sorted(maps.Keys(table.Closure(file))) {
		if image := otherImage(by); image != "" {
			return image, nil
		}
	}
	return "", nil
}

// namedIn names the image by a makefile of it that has the name of a file
// (lib/crypto/sha256.c), which may be another of that name.
func (t *Tree) namedIn(name string) (image string, err error) {
	word := regexp.MustCompile(`\b` + regexp.QuoteMeta(name) + `\.[co]\b`)
	for _, i := range images {
		err := filepath.WalkDir(filepath.Join(t.Dir, i.dir), func(file string, _ fs.DirEntry, err error) error {
			if err != nil || path.Base(file) != "Makefile" {
				return err
			}
			text, err := os.ReadFile(file)
			if word.Match(text) {
				image = i.image
			}
			return err
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fault.Environmentf("source tree: %w", err)
		}
	}
	return image, nil
}
