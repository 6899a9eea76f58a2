package debuginfo

import (
	"debug/dwarf"
	"debug/elf"
	"fmt"
	"slices"

	"kintsugi/internal/elfobj"
)

// PrototypeChange is a global function or variable whose type differs between two objects, in a way
// that code compiled with the old type depends on.
type PrototypeChange struct {
	Name     string
	Function bool
	Old, New string // as C declares them
	Detail   string // the first difference: parameter 4: from unsigned int to struct path *
}

// ChangedPrototypes compares the global functions and variables for which wanted is true, in the
// order of the original's debug info. Callers depend on the number, order and types of parameters,
// on the return type, and on the type of a variable. They do not depend on the names of parameters
// and typedefs, nor on const and volatile: these change neither what is passed nor where. A struct
// counts by its name, because ChangedLayouts compares its contents. Names whose type is missing
// from the debug info of an object are omitted.
func ChangedPrototypes(orig, patched *elfobj.File, wanted func(name string) bool) ([]PrototypeChange, error) {
	if !slices.ContainsFunc(orig.Symbols, func(s *elfobj.Symbol) bool { return global(s) && wanted(s.Name) }) {
		return nil, nil
	}
	olds, err := readDies(orig)
	if err != nil {
		return nil, fmt.Errorf("debug info of the original object: %w", err)
	}
	news, err := readDies(patched)
	if err != nil {
		return nil, fmt.Errorf("debug info of the patched object: %w", err)
	}
	before, after := olds.globals(orig), news.globals(patched)
	var changes []PrototypeChange
	for _, s := range orig.Symbols {
		a, b := before[s.Name], after[s.Name]
		if a == nil || b == nil || !wanted(s.Name) {
			continue
		}
		delete(before, s.Name)
		c := comparison{olds: olds, news: news, seen: map[[2]dwarf.Offset]bool{}}
		if detail := c.globals(a, b); detail != "" {
			changes = append(changes, PrototypeChange{Name: s.Name, Function: a.tag == dwarf.TagSubprogram,
				Old: olds.prototype(a, s.Name), New: news.prototype(b, s.Name), Detail: detail})
		}
	}
	return changes, nil
}

func (c *comparison) globals(a, b *die) string {
	switch {
	case a.tag != b.tag:
		return "from a " + kind(a) + " to a " + kind(b)
	case a.tag == dwarf.TagSubprogram:
		return c.functions(a, b)
	}
	return c.types(a.ref, b.ref)
}

func kind(n *die) string {
	if n.tag == dwarf.TagSubprogram {
		return "function"
	}
	return "variable"
}

// prototype returns the declaration of a function or variable in C.
func (all *dies) prototype(n *die, name string) string {
	w := &writer{dies: all, left: mostEntries}
	if n.tag == dwarf.TagVariable {
		return w.ctype(n.ref, name)
	}
	return w.ctype(n.ref, name+"("+w.parameters(n)+")")
}

// globals returns the functions and variables that an object defines for others, by symbol name.
// The compiler emits no entry for some aliases. Such an alias gets the entry of the function at its
// address.
func (all *dies) globals(f *elfobj.File) map[string]*die {
	named := all.named()
	type place struct {
		section *elfobj.Section
		value   uint64
	}
	found, at := map[string]*die{}, map[place]*die{}
	for _, s := range f.Symbols {
		if n := named[s.Name]; n != nil && s.Section != nil {
			at[place{s.Section, s.Value}] = n
		}
	}
	for _, s := range f.Symbols {
		n := named[s.Name]
		if n == nil || n.declaration {
			if other := at[place{s.Section, s.Value}]; other != nil && !other.declaration {
				n = other
			}
		}
		if n != nil && global(s) {
			found[s.Name] = n
		}
	}
	return found
}

// global reports whether s is defined for other objects.
func global(s *elfobj.Symbol) bool {
	return s.Bind != elf.STB_LOCAL && s.Name != "" && (s.Section != nil || s.Index == elf.SHN_COMMON)
}

// named returns the functions and variables of file scope by symbol name. A definition has
// precedence over a declaration.
func (all *dies) named() map[string]*die {
	named := map[string]*die{}
	for _, n := range all.file {
		if first := all.at[n.spec]; n.spec != 0 && first != nil {
			n = n.completed(first)
		}
		name := n.name
		if n.linkage != "" {
			name = n.linkage
		}
		if name == "" || named[name] != nil && n.declaration {
			continue
		}
		named[name] = n
	}
	return named
}

// completed returns a definition with the missing attributes taken from its declaration.
func (n *die) completed(first *die) *die {
	whole := *n
	whole.name, whole.linkage = first.name, first.linkage
	if whole.ref == 0 {
		whole.ref = first.ref
	}
	if len(whole.children) == 0 {
		whole.children = first.children
	}
	return &whole
}
