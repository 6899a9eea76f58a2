// Package patchinput finds and reads the patches that a command line names:
// files, standard input, folders and quilt series.
package patchinput

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"kintsugi/internal/fault"
	"kintsugi/internal/patchfile"
	"kintsugi/internal/unpack"
)

const (
	// MaxPatches limits the patches of a build. It is above any real series.
	MaxPatches = 1000
	// SeriesName is the file of quilt that lists the patches of a folder in order.
	SeriesName = "series"
)

// Stdin is the argument for standard input.
const Stdin = "-"

// File is one patch.
type File struct {
	Name string // without folders
	Data []byte // unpacked
}

// Read reads the patches of the arguments, in their order. An argument is a patch file,
// Stdin, a folder of patches, or a series file. A file can be packed by gzip, xz or
// zstd. Cover letters of git format-patch are skipped.
//
// Every error is a fault.Input.
func Read(args []string, stdin io.Reader) ([]File, error) {
	var files []File
	for _, arg := range args {
		more, err := readArg(arg, stdin)
		if err != nil {
			return nil, err
		}
		if files = append(files, more...); len(files) > MaxPatches {
			return nil, fault.Inputf("more than %d patches", MaxPatches)
		}
	}
	files = slices.DeleteFunc(files, func(f File) bool { return isCoverLetter(f.Data) })
	if len(files) == 0 {
		return nil, fault.Inputf("only a cover letter, and no patch").Hint("name the patches that follow it")
	}
	return files, nil
}

// Check reports an argument that does not exist. It reads no file.
func Check(args []string) error {
	for _, arg := range args {
		if arg == Stdin {
			continue
		}
		if _, err := stat(arg); err != nil {
			return err
		}
	}
	return nil
}

func stat(arg string) (fs.FileInfo, error) {
	info, err := os.Stat(arg)
	switch {
	case err != nil:
		return nil, fault.Inputf("patch: %w", fault.WithoutCall(err))
	case !info.IsDir() && !info.Mode().IsRegular() && info.Mode()&fs.ModeNamedPipe == 0:
		return nil, fault.Inputf("patch: %s: not a file", arg)
	}
	return info, nil
}

func readArg(arg string, stdin io.Reader) ([]File, error) {
	if arg == Stdin {
		return one("stdin", stdin)
	}
	info, err := stat(arg)
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return readFolder(arg)
	case filepath.Base(arg) == SeriesName:
		return readSeries(filepath.Dir(arg))
	}
	file, err := os.Open(arg)
	if err != nil {
		return nil, fault.Inputf("patch: %w", fault.WithoutCall(err))
	}
	defer file.Close()
	return one(filepath.Base(arg), file)
}

// one reads a patch from r.
func one(name string, r io.Reader) ([]File, error) {
	data, err := unpacked(name, r)
	if err != nil {
		return nil, err
	}
	return []File{{Name: name, Data: data}}, nil
}

func unpacked(name string, r io.Reader) ([]byte, error) {
	data, err := unpack.All(r, patchfile.MaxSize)
	if errors.Is(err, unpack.ErrTooLarge) {
		return nil, fault.Inputf("%s: patch of more than %d MiB", name, patchfile.MaxSize>>20)
	}
	if err != nil {
		return nil, fault.Inputf("%s: %w", name, err)
	}
	return data, nil
}

// suffixes are the suffixes of patches in a folder, each also packed.
var suffixes, packings = []string{".patch", ".diff"}, []string{"", ".gz", ".xz", ".zst"}

func isPatch(name string) bool {
	for _, packing := range packings {
		base, ok := strings.CutSuffix(name, packing)
		if ok && slices.ContainsFunc(suffixes, func(s string) bool { return strings.HasSuffix(base, s) }) {
			return true
		}
	}
	return false
}

// readFolder reads the patches of a folder: those of its series file, else all by
// name, which is the order of git format-patch.
func readFolder(dir string) ([]File, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fault.Inputf("patches: %w", fault.WithoutCall(err))
	}
	var names []string
	for _, e := range entries {
		if e.Name() == SeriesName && !e.IsDir() {
			return readSeries(dir)
		}
		if isPatch(e.Name()) && !e.IsDir() {
			names = append(names, e.Name())
		}
	}
	if len(names) == 0 {
		return nil, fault.Inputf("%s: no patch in this folder", dir).
			Hint("patches end in .patch or .diff, also packed (.gz, .xz, .zst); a file named series lists them in order")
	}
	return readNamed(dir, names)
}

// readNamed reads files of dir. Neither a name nor a symbolic link can leave dir.
func readNamed(dir string, names []string) ([]File, error) {
	if len(names) > MaxPatches {
		return nil, fault.Inputf("%s: more than %d patches", dir, MaxPatches)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fault.Inputf("patches: %w", fault.WithoutCall(err))
	}
	defer root.Close()
	var files []File
	for _, name := range names {
		f, err := readIn(root, name)
		if err != nil {
			return nil, err
		}
		files = append(files, f...)
	}
	return files, nil
}

func readIn(root *os.Root, name string) ([]File, error) {
	info, err := root.Stat(name)
	if err != nil {
		return nil, fault.Inputf("patch of %s: %w", root.Name(), fault.WithoutCall(err))
	}
	if !info.Mode().IsRegular() {
		return nil, fault.Inputf("patch of %s: %s: not a file", root.Name(), name)
	}
	file, err := root.Open(name)
	if err != nil {
		return nil, fault.Inputf("patch of %s: %w", root.Name(), fault.WithoutCall(err))
	}
	defer file.Close()
	return one(filepath.Base(name), file)
}
