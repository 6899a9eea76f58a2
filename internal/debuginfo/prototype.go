package debuginfo

import (
	"debug/dwarf"
	"debug/elf"
	"fmt"
	"slices"

	"kintsugi/internal/elfobj"
)

// PrototypeChange is a global function or variable of both objects with
// another type, as far as code that was compiled with the old one depends on it.
type PrototypeChange struct {
	Name     string
	Function bool
	Old, New string // as C declares them
	Detail   string // the first difference: parameter 4: from unsigned int to struct path *
}

// ChangedPrototypes compares the global functions and variables that wanted
// names, in the order of the original's debug info. Callers depend on number,
// order and type of parameters, on the type returned, and on the type of a
// variable. They do not depend on names of parameters and typedefs, and not on const
// and volatile: those change neither what is passed nor where. A struct counts by
// its name, as ChangedLayouts compares what is in it. Names of which an object
// has no type in its debug info are left out.
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

// prototype is the declaration of a function or variable.
func (all *dies) prototype(n *die, name string) string {
	w := &writer{dies: all, left: mostEntries}
	if n.tag == dwarf.TagVariable {
		return w.ctype(n.ref, name)
	}
	return w.ctype(n.ref, name+"("+w.parameters(n)+")")
}

// globals are the functions and variables that an object defines for others, by
// the names of their symbols. An alias for which the compiler leaves no entry has
// that of the function at its address.
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

// named are the functions and variables of file scope by the names of their
// symbols; the definition where there is a declaration besides.
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

// completed is a definition with what its declaration has.
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
