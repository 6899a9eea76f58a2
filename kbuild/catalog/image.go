package catalog

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
	"kintsugi/kbuild"
)

// OtherImage returns the image, besides vmlinux and modules, that the code of file's directory is
// linked into. It returns "" if there is none.
func OtherImage(t *kbuild.Tree, file string) string {
	for _, i := range t.Arch.Kbuild.Images {
		if strings.HasPrefix(file, i.Dir+"/") {
			return i.Name
		}
	}
	return ""
}

// AlsoInImage returns another image that a C file outside the images' directories may be compiled
// for, or "".
func AlsoInImage(t *kbuild.Tree, file string) (image string, err error) {
	if path.Ext(file) != ".c" || OtherImage(t, file) != "" {
		return "", nil
	}
	if image, err := IncludedInImage(t, file); image != "" || err != nil {
		return image, err
	}
	return namedInImage(t, strings.TrimSuffix(path.Base(file), ".c"))
}

// IncludedInImage returns the image of which a file includes file, as with lib/vdso/gettimeofday.c,
// or "".
func IncludedInImage(t *kbuild.Tree, file string) (image string, err error) {
	graph, err := IncludesOfC(t)
	if err != nil {
		return "", err
	}
	for _, by := range slices.Sorted(maps.Keys(graph.Closure(file))) {
		if image := OtherImage(t, by); image != "" {
			return image, nil
		}
	}
	return "", nil
}

// namedInImage returns the image of which a makefile contains the name of a file, as with
// lib/crypto/sha256.c, or "". The makefile may mean another file with this name.
func namedInImage(t *kbuild.Tree, name string) (image string, err error) {
	word := regexp.MustCompile(`\b` + regexp.QuoteMeta(name) + `\.[co]\b`)
	for _, i := range t.Arch.Kbuild.Images {
		err := filepath.WalkDir(filepath.Join(t.Dir, i.Dir), func(file string, _ fs.DirEntry, err error) error {
			if err != nil || path.Base(file) != "Makefile" {
				return err
			}
			text, err := os.ReadFile(file)
			if word.Match(text) {
				image = i.Name
			}
			return err
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fault.Environmentf("source tree: %w", err)
		}
	}
	return image, nil
}
