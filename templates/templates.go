// SPDX-License-Identifier: GPL-2.0

// Package templates holds the source of a livepatch module: plain C and a Kbuild file, filled in
// with values that other packages decide.
package templates

import (
	"bytes"
	"embed"
	"io/fs"
	"strconv"
	"strings"
	"text/template"

	"kintsugi/internal/arch"
	"kintsugi/internal/report"
)

//go:embed *.tmpl include
var files embed.FS

var parsed = template.Must(template.New("").Funcs(template.FuncMap{"cstring": cString}).ParseFS(files, "*.tmpl"))

// cString returns s as a string literal of C that contains only printable ASCII.
func cString(s string) string {
	return strconv.QuoteToASCII(strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '?' { // ?: no trigraph
			return '_'
		}
		return r
	}, s))
}

// Module has the values for a module's source.
type Module struct {
	Name       string // as in NAME.ko
	Release    string // release of the kernel
	Replace    bool   // klp_patch.replace: replace all earlier livepatches
	Objects    []Object
	States     []State
	Namespaces []string // namespaces of symbols, to import
	Units      []string // names of the shipped objects, without .o_shipped
	Accepted   []string // accepted findings, CODE:SYMBOL
	// Pinned makes the module stay loaded until the next boot.
	Pinned bool
	// Forget is the architecture of a kernel that does not undo the relocations for a patched
	// module that is unloaded. The module then contains forget.c, which undoes them. It is nil for
	// other kernels.
	Forget *arch.Arch
}

// Object is one struct klp_object.
type Object struct {
	Module string // empty: vmlinux
	Ident  string // C identifier
	Funcs  []Func
	Calls  []Call

	Wrappers []Wrapper // set by Forgetting
}

// Func is one struct klp_func.
type Func struct {
	OldName string
	NewFunc string // C identifier
	SymPos  uint64
}

// Call is one member of a struct klp_callbacks.
type Call struct {
	Kind report.CallbackKind
	Func string // C identifier
}

// State is one struct klp_state.
type State struct {
	ID      uint64
	Version uint32
}

// PatchSymbol is the symbol of the module's struct klp_patch, for callbacks.
const PatchSymbol = "kintsugi_patch"

// Headers returns the headers that sources of patches can include, by path below an include
// directory.
func Headers() map[string][]byte {
	headers := map[string][]byte{}
	err := fs.WalkDir(files, "include", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		headers[strings.TrimPrefix(path, "include/")], err = files.ReadFile(path)
		return err
	})
	if err != nil {
		panic(err) // the files are part of the program
	}
	return headers
}

// Files returns the files of the module's source, without the objects, by name.
func (m *Module) Files() (map[string][]byte, error) {
	parts := map[string]func() ([]byte, error){"livepatch.c": m.Source, "Kbuild": m.Kbuild}
	if m.Forget != nil {
		parts["forget.c"] = m.ForgetSource
	}
	files := map[string][]byte{}
	for name, make := range parts {
		text, err := make()
		if err != nil {
			return nil, err
		}
		files[name] = text
	}
	return files, nil
}

// Source returns the module's C file.
func (m *Module) Source() ([]byte, error) { return m.execute("livepatch.c.tmpl") }

// Kbuild returns the module's Kbuild file.
func (m *Module) Kbuild() ([]byte, error) { return m.execute("Kbuild.tmpl") }

// ForgetSource returns forget.c.
func (m *Module) ForgetSource() ([]byte, error) { return m.execute("forget.c.tmpl") }

func (m *Module) execute(name string) ([]byte, error) {
	var b bytes.Buffer
	err := parsed.ExecuteTemplate(&b, name, m)
	return b.Bytes(), err
}
