package target

import (
	"kintsugi/internal/disk"

	"context"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"kintsugi/internal/kimage"
)

// adHoc is the origin of targets that nobody added. They are chosen only by their
// files, and are never the default.
const adHoc = "adhoc"

// AddAdHoc makes a target from the files of a build's command line, or finds the
// target of the same files. Its name is the release and a hash. Missing files are
// taken from the folder that the image or the source was built in, else from the
// installed files of the image's release.
func (s *Store) AddAdHoc(ctx context.Context, spec LocalSpec, progress Progress) (*Target, error) {
	if err := spec.besideImage(); err != nil {
		return nil, err
	}
	if err := spec.complete(); err != nil {
		return nil, err
	}
	release, err := headersRelease(spec.Headers)
	if err != nil {
		return nil, err
	}
	sum, err := spec.sum(ctx)
	if err != nil {
		return nil, err
	}
	spec.Name = release + "-" + sum[:8]
	same := func(t *Target) error { return t.checkUnchanged() }
	return s.addLocal(ctx, spec, provenance{origin: adHoc}, same, progress)
}

// besideImage finds the headers of an image: the folder that the image or the source
// was built in, else the installed headers of its release.
func (spec *LocalSpec) besideImage() error {
	if spec.Headers != "" || spec.Image == "" {
		return nil
	}
	image, err := filepath.Abs(spec.Image)
	if err != nil {
		return disk.Fault(err)
	}
	for _, dir := range []string{filepath.Dir(image), strings.TrimSuffix(image, "/"+bootImage), spec.Source} {
		if isBuild(dir) {
			spec.Headers = dir
			return nil
		}
	}
	banner, err := imageBanner(image)
	if err != nil {
		return err
	}
	id, err := parseBanner(banner)
	if err != nil {
		return err
	}
	m := machine{"/", id}
	modules := existing("/lib/modules", id.Release)
	if spec.Headers = m.headers(modules); spec.Headers != "" {
		spec.Modules = first(spec.Modules, modules)
	}
	return nil
}

// imageBanner is the linux_banner of a bzImage or vmlinux.
func imageBanner(path string) (string, error) {
	file, err := os.ReadFile(path)
	if err != nil {
		return "", input(err)
	}
	vmlinux, err := kimage.Unpack(file)
	if err != nil {
		return "", err
	}
	image, err := kimage.Parse(vmlinux)
	if err != nil {
		return "", err
	}
	return image.Banner, nil
}

// sum is a hash over the inputs of a target: the contents of small files, and names,
// sizes and times of the source's files.
func (spec LocalSpec) sum(ctx context.Context) (string, error) {
	hash := sha256.New()
	if err := json.NewEncoder(hash).Encode(spec.unnamed()); err != nil {
		return "", err
	}
	headers, err := hashHeaders(spec.Headers)
	if err != nil {
		return "", err
	}
	fmt.Fprintln(hash, headers)
	if err := stamp(ctx, hash, spec.Source); err != nil {
		return "", input(err)
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// stamp writes name, size and time of every file of a source, except files that a
// build makes.
func stamp(ctx context.Context, w io.Writer, source string) error {
	return filepath.WalkDir(source, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(source, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if isBuilt(rel, true) || rel != "." && isBuild(path) {
				return fs.SkipDir
			}
			return ctx.Err()
		}
		info, err := entry.Info()
		if err == nil && !isBuilt(rel, false) {
			fmt.Fprintf(w, "%q %d %d\n", rel, info.Size(), info.ModTime().UnixNano())
		}
		return err
	})
}

// takeVmlinux is for a target whose image is an ELF file. QEMU boots the bzImage of
// the same build, if it is beside the file. Debug information is used like that of
// --debug-vmlinux.
func (t *Target) takeVmlinux(given string) error {
	if err := os.Remove(t.Image); err != nil { // the same as t.Vmlinux
		return disk.Fault(err)
	}
	boot := existing(filepath.Dir(given), bootImage)
	if banner, err := imageBanner(boot); boot == "" || err != nil || banner != t.Banner {
		t.Image = t.Vmlinux
	} else if err := copyFile(boot, t.Image); err != nil {
		return copyFault(boot, err)
	}
	if t.DebugVmlinux == "" && hasLines(t.Vmlinux) {
		t.DebugVmlinux = t.Vmlinux
	}
	return nil
}

// isELF reports whether a file is a vmlinux and not a bzImage.
func isELF(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	magic := make([]byte, len(elf.ELFMAG))
	_, err = io.ReadFull(f, magic)
	return err == nil && string(magic) == elf.ELFMAG
}

func hasLines(vmlinux string) bool {
	f, err := elf.Open(vmlinux)
	if err != nil {
		return false
	}
	defer f.Close()
	return f.Section(".debug_line") != nil || f.Section(".zdebug_line") != nil
}
