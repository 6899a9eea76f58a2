// SPDX-License-Identifier: GPL-2.0

// Package templates holds the source of a livepatch module: plain C and a
// Kbuild file, filled in with values that were decided elsewhere.
package templates

import (
	"bytes"
	"embed"
	"text/template"
)

//go:embed *.tmpl
var files embed.FS

var parsed = template.Must(template.ParseFS(files, "*.tmpl"))

// Module is what a module source is made from.
type Module struct {
	Name       string // as in NAME.ko
	Release    string // of the kernel
	Replace    bool   // klp_patch.replace: take over from all earlier patches
	Objects    []Object
	Namespaces []string // of symbols, to import
	Units      []string // names of the shipped objects, without .o_shipped
}

// Object is one struct klp_object.
type Object struct {
	Module string // empty: vmlinux
	Ident  string // C identifier
	Funcs  []Func
}

// Func is one struct klp_func.
type Func struct {
	OldName string
	NewFunc string // C identifier
	SymPos  uint64
}

// Source is the module's C file.
func (m *Module) Source() ([]byte, error) { return m.execute("livepatch.c.tmpl") }

// Kbuild is the module's Kbuild file.
func (m *Module) Kbuild() ([]byte, error) { return m.execute("Kbuild.tmpl") }

func (m *Module) execute(name string) ([]byte, error) {
	var b bytes.Buffer
	err := parsed.ExecuteTemplate(&b, name, m)
	return b.Bytes(), err
}
