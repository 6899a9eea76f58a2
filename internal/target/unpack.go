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

// unpackPackage unpacks a Debian package into dir, without its documentation: the
// changelogs are as large as the headers.
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

// unpackSource unpacks the tarball of a kernel's source into tree, which must not
// exist. It refuses links out of the tree. xz uses all processors for archives of
// several blocks, such as Debian's.
func unpackSource(ctx context.Context, tarball, tree string) error {
	temp := tree + ".unpacked"
	if err := os.Mkdir(temp, 0o755); err != nil {
		return disk.Fault(err)
	}
	cmd := &command.Cmd{Env: []string{"XZ_DEFAULTS=-T0"}, Path: "tar",
		Args: []string{"-x", "-f", tarball, "-C", temp, "--no-same-owner", "--no-same-permissions",
			"--delay-directory-restore", "--force-local"}}
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

// unpackError adds the last line of the tool's output. A full disk is a fault of the
// machine, not of the archive.
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

// treeRoot finds the kernel's source in an unpacked archive: at the top, or in the
// only folder there.
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
	return "", errors.New("not the source of a kernel: neither the top nor its only folder has Makefile and Kconfig")
}

func isSource(dir string) bool {
	for _, name := range []string{"Makefile", "Kconfig", "scripts"} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err != nil {
			return false
		}
	}
	return true
}

// notSource is the error for a folder that is not the source of a kernel.
func notSource(dir string) error {
	return fault.Inputf("%s is not the source of a kernel: it lacks Makefile, Kconfig or scripts", dir).
		Hint("use the top folder of the kernel's own source; out-of-tree modules are not supported")
}

// checkTree refuses everything in a tree except files, folders and links that stay in
// the tree.
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

// staysInside reports whether the link at rel, a path in the tree, points into the
// tree. It may go up only at its begin: later in the path, ".." could follow another
// link, and leave the tree.
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
