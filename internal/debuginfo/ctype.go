package debuginfo

import (
	"debug/dwarf"
	"fmt"
	"strings"
)

// mostEntries limits the text of a type, in entries of debug info. Types can be cyclic, and nobody
// reads all of a long one.
const mostEntries = 200

// ctype returns the declaration of name with the type at ref in C. name may be empty. Examples:
// struct dentry *, int (*)(void *, u32), char name[8].
func (all *dies) ctype(ref dwarf.Offset, name string) string {
	w := &writer{dies: all, left: mostEntries}
	return w.ctype(ref, name)
}

// writer writes one type.
type writer struct {
	*dies
	left int // entries that may still be written out
}

func (w *writer) ctype(ref dwarf.Offset, name string) string {
	n := w.at[ref]
	w.left--
	switch {
	case w.left < 0:
		return "..."
	case ref == 0:
		return declare("void", name)
	case n == nil:
		return declare("?", name)
	}
	switch n.tag {
	case dwarf.TagPointerType:
		return w.ctype(n.ref, w.pointer(n, name))
	case dwarf.TagConstType, dwarf.TagVolatileType, dwarf.TagRestrictType, dwarf.TagAtomicType:
		return w.qualified(n, name)
	case dwarf.TagArrayType:
		return w.ctype(n.ref, name+n.dimensions())
	case dwarf.TagSubroutineType, dwarf.TagSubprogram:
		return w.ctype(n.ref, name+"("+w.parameters(n)+")")
	case dwarf.TagStructType, dwarf.TagUnionType, dwarf.TagEnumerationType:
		if n.name == "" {
			return declare(n.title()+" {...}", name)
		}
		return declare(n.title(), name)
	}
	return declare(baseName(n.name), name)
}

func declare(typ, name string) string {
	if name == "" || strings.HasPrefix(name, "[") {
		return typ + name
	}
	return typ + " " + name
}

// pointer returns a declaration of a pointer. If the target is a function or an array, the
// declarator needs parentheses: (*name)(int).
func (w *writer) pointer(n *die, name string) string {
	if target := w.at[n.ref]; target != nil &&
		(target.tag == dwarf.TagSubroutineType || target.tag == dwarf.TagArrayType) {
		return "(*" + name + ")"
	}
	return "*" + name
}

// qualified puts the qualifier before a type, but after the star of a pointer.
func (w *writer) qualified(n *die, name string) string {
	word := map[dwarf.Tag]string{dwarf.TagConstType: "const", dwarf.TagVolatileType: "volatile",
		dwarf.TagRestrictType: "restrict", dwarf.TagAtomicType: "_Atomic"}[n.tag]
	if target := w.at[n.ref]; target != nil && target.tag == dwarf.TagPointerType {
		return w.ctype(n.ref, declare(word, name))
	}
	return word + " " + w.ctype(n.ref, name)
}

// dimensions returns the dimensions of an array: [4][2], or [] if the size is not known.
func (n *die) dimensions() string {
	var text strings.Builder
	for _, c := range n.parts(dwarf.TagSubrangeType) {
		if c.value < 0 {
			text.WriteString("[]")
			continue
		}
		fmt.Fprintf(&text, "[%d]", c.value)
	}
	return text.String()
}

func (w *writer) parameters(n *die) string {
	var list []string
	for _, p := range n.parameters() {
		if w.left < 0 {
			break
		}
		if p.tag == dwarf.TagUnspecifiedParameters {
			list = append(list, "...")
			continue
		}
		list = append(list, w.ctype(p.ref, ""))
	}
	if len(list) == 0 {
		return "void"
	}
	return strings.Join(list, ", ")
}

// parameters returns the parameters of a function or function type, including a final "...".
func (n *die) parameters() []*die {
	return n.parts(dwarf.TagFormalParameter, dwarf.TagUnspecifiedParameters)
}

// baseName returns the usual name of a basic type: unsigned long for gcc's long unsigned int.
func baseName(name string) string {
	if name == "_Bool" {
		return "bool"
	}
	words := strings.Fields(name)
	if len(words) < 2 || words[len(words)-1] != "int" {
		return name
	}
	var sign string
	var rest []string
	for _, w := range words[:len(words)-1] {
		if w == "unsigned" {
			sign = "unsigned "
			continue
		}
		rest = append(rest, w)
	}
	if len(rest) == 0 {
		return sign + "int"
	}
	return sign + strings.Join(rest, " ")
}
