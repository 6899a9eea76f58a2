package target

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sync/errgroup"

	"kintsugi/internal/disk"
)

// copySource copies a kernel's source tree without the files of a build and without
// the folders of make O= in it. Generated files that look like source are copied too;
// `make mrproper`, which knows them, removes them from the copy (prepare.Tree).
func copySource(ctx context.Context, from, to string) error {
	if !isSource(from) {
		return notSource(from)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(2 * runtime.NumCPU())
	err := filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		return copyEntry(group, from, to, rel, entry)
	})
	return copyFault(from, errors.Join(group.Wait(), err))
}

// copyFault classes an error of a copy by its side: source or copy.
func copyFault(from string, err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) && strings.HasPrefix(pathErr.Path, from) && pathErr.Op == "open" {
		return input(err)
	}
	return disk.Fault(err)
}

func copyEntry(group *errgroup.Group, from, to, rel string, entry fs.DirEntry) error {
	source, dest := filepath.Join(from, rel), filepath.Join(to, rel)
	switch {
	case isBuilt(rel, entry.IsDir()), entry.IsDir() && rel != "." && isBuild(source):
		if entry.IsDir() {
			return fs.SkipDir
		}
	case entry.IsDir():
		return os.MkdirAll(dest, 0o755)
	case entry.Type() == fs.ModeSymlink:
		return copyLink(source, dest, rel)
	case entry.Type().IsRegular():
		group.Go(func() error { return copyFile(source, dest) })
	}
	return nil // a socket or pipe is not source
}

// isBuilt reports whether a path in a source tree belongs to version control or was
// made by a build.
func isBuilt(rel string, dir bool) bool {
	name := filepath.Base(rel)
	if dir {
		return name == ".git" || rel == "include/generated" || rel == "include/config" || rel == "debian/build"
	}
	if strings.HasPrefix(name, ".tmp_") || name == "vmlinux" || rel == ".config" {
		return true
	}
	switch filepath.Ext(name) {
	case ".o", ".ko", ".cmd", ".a", ".mod", ".gcno", ".dwo", ".deb":
		return true
	}
	return false
}

// copyLink copies a link that stays in the tree. Other links are not part of the
// source.
func copyLink(source, dest, rel string) error {
	link, err := os.Readlink(source)
	if err != nil {
		return err
	}
	if !staysInside(rel, link) {
		slog.Warn("link out of the source tree is not copied", "link", rel, "to", link)
		return nil
	}
	return os.Symlink(link, dest)
}

// copyFile copies a file's bytes and whether it is executable. Some file systems
// share the bytes (copy_file_range(2)).
func copyFile(source, dest string) error {
	in, err := os.Open(source)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(dest, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644|info.Mode().Perm()&0o111)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		return fmt.Errorf("copy %s: %w", source, errors.Join(err, out.Close()))
	}
	return out.Close()
}
