// SPDX-License-Identifier: GPL-2.0

package templates

import (
	"maps"
	"slices"

	"kintsugi/internal/arch"
	"kintsugi/internal/report"
)

// ForgetSymbols returns the symbols that forget.c needs and that kernels of the architecture do not
// export.
func ForgetSymbols(a *arch.Arch) []string {
	return []string{"text_mutex", a.Loader.Poke.Write, a.Loader.Poke.Sync}
}

// Field is the size in bytes of the fields of some relocation types.
type Field struct {
	Size  int
	Types []string
}

// defaultField is the size of the fields that are not in OtherFields.
const defaultField = 4

// OtherFields returns the relocations that Forget undoes and whose fields do not have the default
// size, by size.
func (m *Module) OtherFields() []Field {
	applies := m.Forget.Loader.Applies
	bySize := map[int][]string{}
	for _, typ := range slices.Sorted(maps.Keys(applies)) {
		if size := applies[typ]; size != defaultField {
			bySize[size] = append(bySize[size], m.Forget.TypeName(typ))
		}
	}
	var fields []Field
	for _, size := range slices.Sorted(maps.Keys(bySize)) {
		fields = append(fields, Field{Size: size, Types: bySize[size]})
	}
	return fields
}

// DefaultField returns the size of all other fields.
func (m *Module) DefaultField() int { return defaultField }

// Wrapper is a callback that calls the author's and then forgets the
// relocations for a module that is unloaded.
type Wrapper struct {
	Kind report.CallbackKind // PrePatch or PostUnpatch
	Name string
	Func string // the author's callback
}

const forget = "livepatch_forget"

// Forgetting returns the objects with callbacks that forget: after the author's
// post_unpatch callback, which is relocated code itself, and after an author's
// pre_patch callback that refuses the module.
func (m *Module) Forgetting() []Object {
	objects := make([]Object, len(m.Objects))
	for i, o := range m.Objects {
		if m.Forget != nil && o.Module != "" {
			o.wrap()
		}
		objects[i] = o
	}
	return objects
}

func (o *Object) wrap() {
	calls := []Call{{Kind: report.PostUnpatch, Func: forget}}
	for _, c := range o.Calls {
		if c.Kind != report.PrePatch && c.Kind != report.PostUnpatch {
			calls = append(calls, c)
			continue
		}
		w := Wrapper{Kind: c.Kind, Name: o.Ident + "_" + string(c.Kind), Func: c.Func}
		o.Wrappers = append(o.Wrappers, w)
		c.Func = w.Name
		if c.Kind == report.PostUnpatch {
			calls[0] = c
		} else {
			calls = append(calls, c)
		}
	}
	o.Calls = calls
}
