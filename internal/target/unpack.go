package target

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"kintsugi/internal/command"
	"kintsugi/internal/disk"
	"kintsugi/internal/fault"
)

// unpackPackage unpacks a Debian package into dir. The documentation is left
// out: its changelogs are as large as the headers.
func unpackPackage(ctx context.Context, file, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return disk.Fault(err)
	}
	cmd := &command.Cmd{Path: "dpkg-deb", Args: []string{"-x", file, dir}}
	if _, err := cmd.Run(ctx); err != nil {
		return unpackError(filepath.Base(file), err, fault.Environment)
	}
	return disk.Fault(os.RemoveAll(filepath.Join(dir, "usr/share")))
}

// unpackSource unpacks the tarball of a kernel's source into tree, which must
// not exist, and refuses what leads out of it. xz uses all processors on
// archives of several blocks, as Debian's is.
func unpackSource(ctx context.Context, tarball, tree string) error {
	temp := tree + ".unpacked"
	if err := os.Mkdir(temp, 0o755); err != nil {
		return disk.Fault(err)
	}
	cmd := &command.Cmd{Env: []string{"XZ_DEFAULTS=-T0"}, Path: "tar",
		Args: []string{"-x", "-f", tarball, "-C", temp, "--no-same-owner", "--no-same-permissions", "--delay-directory-restore", "--force-local"}}
	if _, err := cmd.Run(ctx); err != nil {
		return unpackError(tarball, err, fault.Input)
	}
	root, err := treeRoot(temp)
	if err != nil {
		return fault.Inputf("%s: %w", tarball, err)
	}
	if err := checkTree(root); err != nil {
		return fault.Inputf("%s: %w", tarball, err)
	}
	return disk.Fault(errors.Join(os.Rename(root, tree), os.RemoveAll(temp)))
}

// unpackError adds the last line of the tool's output. A full disk is the
// machine's fault whatever the archive is.
func unpackError(name string, err error, class fault.Class) error {
	var failed *command.Error
	if !errors.As(err, &failed) {
		return err
	}
	lines := strings.Split(strings.TrimSpace(string(failed.Output)), "\n")
	line := lines[0]
	for _, l := range lines {
		if strings.Contains(l, "No space left") {
			line, class = l, fault.Environment
		}
	}
	return &fault.Error{Class: class, Err: fmt.Errorf("unpack %s: %w: %s", name, err, line)}
}

// treeRoot finds the kernel's source in an unpacked archive: at the top, or in
// the one folder there.
func treeRoot(dir string) (string, error) {
	if isSource(dir) {
		return dir, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	for _, entry := range entries {
		if sub := filepath.Join(dir, entry.Name()); entry.IsDir() && isSource(sub) {
			return sub, nil
		}
	}
	return "", errors.New("no source of a kernel: neither at the top nor in a folder there are Makefile and Kconfig")
}

func isSource(dir string) bool {
	for _, name := range []string{"Makefile", "Kconfig", "scripts"} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err != nil {
			return false
		}
	}
	return true
}

// notSource is the error about a folder that is not the source of a kernel.
func notSource(dir string) error {
	return fault.Inputf("%s is not the source of a kernel: it lacks Makefile, Kconfig or scripts", dir).
		Hint("name the top of the kernel's own source; modules that are built out of tree are not supported")
}

// checkTree refuses anything in a tree but files, folders and links that stay
// inside of it.
func checkTree(root string) error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil || rel == "." {
			return err
		}
		switch entry.Type() {
		case 0, fs.ModeDir:
			return nil
		case fs.ModeSymlink:
			link, err := os.Readlink(path)
			if err == nil && !staysInside(rel, link) {
				err = errors.New(rel + " is a link out of the tree: " + link)
			}
			return err
		}
		return errors.New(rel + " is neither file, folder nor link")
	})
}

// staysInside tells whether the link at rel, a path in the tree, leads to
// something in the tree. It may go up only at its beginning: further on the
// way could lead through another link, and up from there is somewhere else.
func staysInside(rel, link string) bool {
	if filepath.IsAbs(link) || link == "" {
		return false
	}
	depth := strings.Count(rel, "/")
	steps := strings.Split(link, "/")
	for len(steps) > 0 && (steps[0] == ".." || steps[0] == "." || steps[0] == "") {
		if steps[0] == ".." {
			depth--
		}
		steps = steps[1:]
	}
	for _, step := range steps {
		if step == ".." {
			return false
		}
	}
	return depth >= 0
}
