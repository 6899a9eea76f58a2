// Package target keeps the kernels that livepatches can be built for. A target is a
// prepared source tree with its configuration, headers, image and modules. It is made
// once and never changed afterwards.
package target

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"kintsugi/internal/apt"
	"kintsugi/internal/disk"
	"kintsugi/internal/fault"
	"kintsugi/internal/toolchain"
)

// Target is a shipped kernel. All paths are absolute. Headers, modules and debug
// vmlinux of a local target can be outside the store.
type Target struct {
	Name     string `json:"name"`
	Origin   string `json:"origin"`   // "debian", "local", "running" or "adhoc"
	Release  string `json:"release"`  // uname -r
	Version  string `json:"version"`  // version of the source: of Debian's package, else the Makefile's
	Arch     string `json:"arch"`     // uname -m
	Compiler string `json:"compiler"` // CONFIG_CC_VERSION_TEXT
	CC       string `json:"cc"`       // the compiler's command, gcc-12
	Banner   string `json:"banner"`   // linux_banner of the image
	// MakeVars are the make variables, NAME=VALUE, with which the tree was prepared,
	// besides CC. Without them kbuild would generate other headers.
	MakeVars []string `json:"make_vars"`

	Dir     string `json:"-"`       // the target's folder in the store
	Source  string `json:"source"`  // prepared tree, read-only
	Headers string `json:"headers"` // folder for make -C with M=
	Symvers string `json:"symvers"` // Module.symvers of the headers
	Config  string `json:"config"`  // the shipped configuration
	Image   string `json:"image"`   // the shipped vmlinuz
	Vmlinux string `json:"vmlinux"` // the raw kernel unpacked from Image
	Modules string `json:"modules,omitempty"`

	DebugVmlinux string `json:"debug_vmlinux,omitempty"`

	// Toolchain compiles the target.
	Toolchain *toolchain.Toolchain `json:"toolchain,omitempty"`
	// Rust is true if parts of the kernel are written in Rust (CONFIG_RUST).
	Rust bool `json:"rust,omitempty"`

	// Packages are the files under the store's packages folder that the
	// target was made from.
	Packages []Package `json:"packages,omitempty"`
	// Given are the files that a local target was made from.
	Given *LocalSpec `json:"given,omitempty"`
	// HeadersSum is a hash of the files in Headers that decide about the code of a
	// module. The folder of a local target belongs to the user and can change.
	HeadersSum string `json:"headers_sum"`
}

// Package is one Debian package file.
type Package = apt.Package

// metaFile is the last file of a target that is written: a folder without it is half
// made.
const metaFile = "target.json"

// metaFormat is increased when older targets can no longer be used.
const metaFormat = 1

type meta struct {
	Format int `json:"format"`
	*Target
}

// paths are the fields that are stored relative to the target's folder if they are in
// it.
func (t *Target) paths() []*string {
	return []*string{&t.Source, &t.Headers, &t.Symvers, &t.Config, &t.Image, &t.Vmlinux, &t.Modules, &t.DebugVmlinux}
}

// save writes t's description, which makes the target usable.
func (t *Target) save() error {
	stored := *t
	for _, p := range stored.paths() {
		if rel, err := filepath.Rel(t.Dir, *p); err == nil && *p != "" && filepath.IsLocal(rel) {
			*p = rel
		}
	}
	data, err := json.MarshalIndent(meta{metaFormat, &stored}, "", "\t")
	if err != nil {
		return err
	}
	return disk.WriteFile(filepath.Join(t.Dir, metaFile), append(data, '\n'))
}

// load reads the target in dir. For a half-made target the error is fs.ErrNotExist.
func load(dir string) (*Target, error) {
	name := filepath.Base(dir)
	data, err := os.ReadFile(filepath.Join(dir, metaFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err != nil {
		return nil, &fault.Error{Class: fault.Environment, Err: err}
	}
	t := &Target{}
	m := meta{Target: t}
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, fault.Environmentf("target %s: %s: %w", name, metaFile, err).
			Hint("kintsugi target rm %s, then add it again", name)
	}
	if m.Format != metaFormat {
		return nil, fault.Environmentf("target %s was made by another version of kintsugi", name).
			Hint("kintsugi target rm %s, then add it again", name)
	}
	t.Dir = dir
	if t.Toolchain == nil { // made before targets had a choice
		host := toolchain.OfHost
		t.Toolchain = &host
	}
	for _, p := range t.paths() {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(dir, *p)
		}
	}
	return t, nil
}

// input classes an error about the user's files. nil stays nil.
func input(err error) error {
	if err == nil {
		return nil
	}
	return &fault.Error{Class: fault.Input, Err: err}
}
