package objmodel

import (
	"strings"

	"kintsugi/internal/arch"
	"kintsugi/internal/elfobj"
)

// A runtime constant (asm/runtime-const.h, since 6.11) is a number that the kernel writes into the
// code of its image at boot. The section runtime_ptr_NAME lists the places that get the value of
// the variable NAME. The kernel does not write it into modules. Code of a module must load the
// variable instead, as C code of modules does.

// RuntimeConst reports whether a section lists the places of a runtime constant.
func RuntimeConst(section string) bool {
	return strings.HasPrefix(section, arch.RuntimePtr) || strings.HasPrefix(section, arch.RuntimeShift)
}

// RuntimeVariable is the variable that has the value of a runtime constant: a variable of the unit,
// or a symbol of another unit that this unit may not mention.
type RuntimeVariable struct {
	Name string
	Atom *Atom
	Sym  *elfobj.Symbol
}

// RuntimeVariable returns the variable that the code of a can load instead of the constant that its
// entry e lists. ok is false if it cannot.
func (o *Object) RuntimeVariable(a, e *Atom) (v RuntimeVariable, ok bool) {
	name, isPtr := strings.CutPrefix(e.Section.Name, arch.RuntimePtr)
	if !isPtr || o.Arch.Code.LoadVariable == nil || len(e.Refs) != 1 || e.Refs[0].Atom != a {
		return v, false
	}
	if _, ok = o.Arch.Code.LoadVariable(append([]byte(nil), a.Bytes()...), e.Refs[0].Addend); !ok {
		return v, false
	}
	return o.runtimeVariable(name)
}

func (o *Object) runtimeVariable(name string) (v RuntimeVariable, ok bool) {
	v.Name = name
	for _, s := range o.File.Symbols {
		switch a := o.bySymbol[s]; {
		case s.Name != name:
		case s.Undefined():
			v.Sym = s
		case v.Atom != nil || a == nil || a.Kind != Data || s.Value != a.Off:
			return v, false
		default:
			v.Atom = a
		}
	}
	return v, true
}
