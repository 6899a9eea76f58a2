package toolchain

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"kintsugi/internal/apt"
	"kintsugi/internal/arch"
	"kintsugi/internal/command"
	"kintsugi/internal/disk"
	"kintsugi/internal/fault"
)

// Store is the folder of Debian's toolchains:
//
//	NAME/toolchain.json  the description, written last
//	NAME/root/           the unpacked packages
//	NAME.lock            held while it is made or removed
type Store struct {
	Dir      string
	Packages string // folder of downloaded packages
}

// Add unpacks the toolchain of a suite for need. If the same packages are unpacked
// already, that root is shared.
func (s *Store) Add(ctx context.Context, client *apt.Client, need Need, version string,
	progress apt.Progress) (*Toolchain, error) {
	progress.Step("toolchain")
	if err := client.Update(ctx, apt.Fresh); err != nil {
		return nil, err
	}
	names, err := wanted(ctx, client, need, version)
	if err != nil {
		return nil, err
	}
	packages, err := client.Closure(ctx, names)
	if err != nil {
		return nil, err
	}
	t := &Toolchain{Kind: Debian, Suite: client.Suite.Name, Packages: packages}
	t.Name = t.Suite + "-" + hash(packages)
	unlock, err := disk.Lock(ctx, s.dir(t.Name)+".lock")
	if err != nil {
		return nil, err
	}
	defer unlock()
	if have, err := s.Open(t.Name); err == nil {
		return have, nil
	}
	if err := client.Download(ctx, packages, progress); err != nil {
		return nil, err
	}
	progress.Step("unpack toolchain")
	return t, s.unpack(ctx, t)
}

func (s *Store) dir(name string) string { return filepath.Join(s.Dir, name) }

// wanted lists the packages to install, with the compiler in the kernel's version.
func wanted(ctx context.Context, client *apt.Client, need Need, version string) ([]string, error) {
	compiler, exact := need.CompilerPackage(arch.OfTargets().Triple)
	if version == "" {
		version = exact
	}
	offered, err := versions(ctx, client, compiler)
	if err != nil {
		return nil, err
	}
	switch {
	case len(offered) == 0:
		return nil, fault.Environmentf("%s offers no %s, with which the kernel was built", client.Suite.Name, compiler).
			Hint("choose another suite by --toolchain debian:SUITE, or a root that has it by --toolchain DIR")
	case version == "":
		return nil, fault.Inputf("the kernel was built by %q, which is not a compiler of Debian", need.Text).
			Hint("choose a root that has this compiler by --toolchain DIR")
	case !slices.Contains(offered, version):
		return nil, fault.Environmentf("%s offers %s in version %s, the kernel was built by %s", client.Suite.Name,
			compiler, strings.Join(offered, ", "), version).
			Hint("--toolchain-version VERSION uses another version; the proof then decides about each function")
	}
	names := []string{compiler + "=" + version}
	list := commonPackages
	if need.Rust {
		list = append(slices.Clone(list), rustPackages...)
	}
	for _, name := range list {
		known, err := firstKnown(ctx, client, strings.Split(name, "|"))
		if err != nil {
			return nil, err
		}
		names = append(names, known)
	}
	return names, nil
}

// versions are the versions of a package that the suite offers.
func versions(ctx context.Context, client *apt.Client, name string) ([]string, error) {
	records, err := client.Show(ctx, name)
	var list []string
	for _, r := range records {
		if !slices.Contains(list, r["Version"]) {
			list = append(list, r["Version"])
		}
	}
	return list, err
}

// firstKnown returns the first of several packages that the suite has.
func firstKnown(ctx context.Context, client *apt.Client, names []string) (string, error) {
	for _, name := range names[:len(names)-1] {
		records, err := client.Newest(ctx, name)
		if err != nil || len(records) > 0 {
			return name, err
		}
	}
	return names[len(names)-1], nil
}

// hash distinguishes toolchains of a suite.
func hash(packages []apt.Package) string {
	sums := []string{}
	for _, p := range packages {
		sums = append(sums, p.SHA256)
	}
	slices.Sort(sums)
	sum := sha256.Sum256([]byte(strings.Join(sums, "\n")))
	return hex.EncodeToString(sum[:4])
}

// unpack makes the root without running maintainer scripts. It does itself what the
// kernel's build needs of them.
func (s *Store) unpack(ctx context.Context, t *Toolchain) error {
	dir := s.dir(t.Name)
	if err := os.RemoveAll(dir); err != nil {
		return disk.Fault(err)
	}
	root := filepath.Join(dir, "root")
	if err := mergedUsr(root); err != nil {
		return disk.Fault(err)
	}
	for _, p := range t.Packages {
		if err := unpackFile(ctx, filepath.Join(s.Packages, p.File), root); err != nil {
			return err
		}
	}
	if err := finish(root); err != nil {
		return disk.Fault(err)
	}
	t.Root = root
	return s.save(t)
}

// mergedUsr makes the links of a system whose programs are all below usr.
func mergedUsr(root string) error {
	for _, name := range []string{"bin", "sbin", "lib", "lib64"} {
		if err := os.MkdirAll(filepath.Join(root, "usr", name), 0o755); err != nil {
			return err
		}
		if err := os.Symlink("usr/"+name, filepath.Join(root, name)); err != nil {
			return err
		}
	}
	return nil
}

// unpackFile unpacks a package. Files belong to the current user, and no program gets
// another user's rights.
func unpackFile(ctx context.Context, file, root string) error {
	pipe := &command.Cmd{Path: "sh", Args: []string{"-c",
		`set -e; dpkg-deb --fsys-tarfile "$1" | tar -x -C "$2" --no-same-owner --no-same-permissions ` +
			`--keep-directory-symlink ` +
			`--exclude=./usr/share/doc --exclude=./usr/share/locale --exclude=./usr/share/man`,
		"unpack", file, root}}
	if out, err := pipe.Run(ctx); err != nil {
		return fault.Environmentf("unpack %s: %w: %s", filepath.Base(file), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// links are the links that update-alternatives would make, by their names in usr/bin.
var links = map[string][]string{"awk": {"mawk", "gawk"}, "sh": {"dash", "bash"}, "lex": {"flex"},
	"yacc": {"bison.yacc"}}

// finish makes links that maintainer scripts would make.
func finish(root string) error {
	bin := filepath.Join(root, "usr/bin")
	for name, programs := range links {
		if _, err := os.Lstat(filepath.Join(bin, name)); err == nil {
			continue
		}
		for _, program := range programs {
			if _, err := os.Stat(filepath.Join(bin, program)); err != nil {
				continue
			}
			if err := os.Symlink(program, filepath.Join(bin, name)); err != nil {
				return err
			}
			break
		}
	}
	return nil
}

// Find returns a toolchain of a suite that is unpacked already and has the
// compiler in a version.
func (s *Store) Find(suite, compiler, version string) *Toolchain {
	list, _ := s.List() // an unreadable folder has none
	for _, t := range list {
		if t.Suite == suite && version != "" && t.Version(compiler) == version {
			return t
		}
	}
	return nil
}

// MetaFile is the last file of a toolchain that is written: a folder without it is half
// made.
const MetaFile = "toolchain.json"

func (s *Store) metaFile(name string) string { return filepath.Join(s.dir(name), MetaFile) }
