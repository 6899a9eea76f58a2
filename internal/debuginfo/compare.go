package debuginfo

import (
	"debug/dwarf"
	"fmt"
)

// comparison finds what callers that were compiled with one object's types do wrong with the
// other's.
type comparison struct {
	olds, news *dies
	seen       map[[2]dwarf.Offset]bool // pairs of types that are already compared; ends cycles
}

// mostPairs limits the pairs of types that are compared for one name. A prototype has about ten; a
// struct without a name adds its members.
const mostPairs = 20000

// resolve follows typedefs and qualifiers, which change nothing for a caller. n is nil for void,
// and if there is no entry.
func (all *dies) resolve(ref dwarf.Offset) (n *die, at dwarf.Offset) {
	return all.without(ref, append([]dwarf.Tag{dwarf.TagTypedef}, qualifiers...))
}

// types describes how the types at a and b differ for a caller. It returns "" if they are the same.
func (c *comparison) types(a, b dwarf.Offset) string {
	x, aAt := c.olds.resolve(a)
	y, bAt := c.news.resolve(b)
	if c.seen[[2]dwarf.Offset{aAt, bAt}] {
		return ""
	}
	if len(c.seen) >= mostPairs {
		return "too many types to compare"
	}
	c.seen[[2]dwarf.Offset{aAt, bAt}] = true
	if detail, ok := c.resolved(x, y); !ok {
		return c.fromTo(a, b, aAt, bAt)
	} else if x != nil && detail != "" {
		return within(c.olds.at[a], x, detail)
	}
	return ""
}

// resolved compares types without typedefs. ok is false if they are of different kinds.
func (c *comparison) resolved(x, y *die) (detail string, ok bool) {
	switch {
	case x == nil || y == nil:
		return "", x == y
	case isNumber(x) && isNumber(y):
		return c.numbers(x, y)
	case x.tag != y.tag:
		return "", false
	}
	switch x.tag {
	case dwarf.TagBaseType:
		return "", x.encoding == y.encoding && x.size == y.size
	case dwarf.TagPointerType:
		detail = c.types(x.ref, y.ref)
	case dwarf.TagArrayType:
		if x.dimensions() != y.dimensions() {
			return "", false
		}
		detail = c.types(x.ref, y.ref)
	case dwarf.TagSubroutineType:
		detail = c.functions(x, y)
	case dwarf.TagStructType, dwarf.TagUnionType:
		return c.structs(x, y)
	}
	return detail, true
}

// fromTo names both types. It uses the words of the source, and adds the targets of typedefs if the
// words are the same.
func (c *comparison) fromTo(a, b, aAt, bAt dwarf.Offset) string {
	was, is := c.olds.ctype(a, ""), c.news.ctype(b, "")
	if was == is {
		was, is = was+" ("+c.olds.ctype(aAt, "")+")", is+" ("+c.news.ctype(bAt, "")+")"
	}
	return fmt.Sprintf("from %s to %s", was, is)
}

// within prepends the name of a type to the detail of a difference inside it.
func within(a, x *die, detail string) string {
	switch {
	case a != nil && a.tag == dwarf.TagTypedef && a.name != "":
		return a.name + ": " + detail
	case x.name != "" && x.tag != dwarf.TagBaseType:
		return x.title() + ": " + detail
	}
	return detail
}

// functions compares parameters and return values.
func (c *comparison) functions(x, y *die) string {
	olds, news := x.parameters(), y.parameters()
	if len(olds) != len(news) {
		return fmt.Sprintf("%d parameters, not %d", len(news), len(olds))
	}
	for i := range olds {
		if olds[i].tag != news[i].tag {
			return fmt.Sprintf("only one of them is variadic at parameter %d", i+1)
		}
		if detail := c.types(olds[i].ref, news[i].ref); detail != "" {
			return fmt.Sprintf("parameter %d: %s", i+1, detail)
		}
	}
	if detail := c.types(x.ref, y.ref); detail != "" {
		return "return value: " + detail
	}
	return ""
}

// structs compares types with a name only by name, because ChangedLayouts compares their contents.
// Types without a name, and types that the patch renames, are compared by their members.
func (c *comparison) structs(x, y *die) (detail string, ok bool) {
	if x.name != "" && x.name == y.name {
		return "", true
	}
	if c.distinct(x, y) || x.declaration || y.declaration || x.size != y.size {
		return "", false
	}
	olds, news := x.members(), y.members()
	if len(olds) != len(news) {
		return "", false
	}
	for i, m := range olds {
		n := news[i]
		if m.value != n.value || m.bits != n.bits {
			return fmt.Sprintf("member %s is at another offset", m.name), true
		}
		if detail := c.types(m.ref, n.ref); detail != "" {
			return fmt.Sprintf("member %s: %s", m.name, detail), true
		}
	}
	return "", true
}

// distinct reports whether x and y are two types, and not one type before and after a renaming.
func (c *comparison) distinct(x, y *die) bool {
	return x.name != "" && y.name != "" && x.name != y.name && (c.news.tags[x.title()] || c.olds.tags[y.title()])
}

func (n *die) members() []*die { return n.parts(dwarf.TagMember) }

// Encodings of integers in DWARF 5, section 7.8.
const (
	encodingSigned       = 5
	encodingSignedChar   = 6
	encodingUnsigned     = 7
	encodingUnsignedChar = 8
)

// isNumber reports whether a value of the type is an integer to the machine. A bool is not: code
// relies on its value being 0 or 1.
func isNumber(n *die) bool {
	return n.tag == dwarf.TagEnumerationType || n.tag == dwarf.TagBaseType &&
		n.encoding >= encodingSigned && n.encoding <= encodingUnsignedChar
}

func (n *die) signed() bool { return n.encoding == encodingSigned || n.encoding == encodingSignedChar }

// numbers compares integers by width and sign, and enums by the values of their constants. For a
// caller, an enum is the same as an integer of its width, and as an enum with more constants or
// with renamed constants.
func (c *comparison) numbers(x, y *die) (detail string, ok bool) {
	enums := 0
	for _, n := range []*die{x, y} {
		if n.tag == dwarf.TagEnumerationType {
			enums++
		}
	}
	switch {
	case x.size != y.size:
		return "", false
	case enums == 0:
		return "", x.signed() == y.signed()
	case enums == 1:
		return "", true
	case c.distinct(x, y):
		return "", false
	}
	values, names := map[string]int64{}, map[int64]bool{}
	for _, e := range y.enumerators() {
		values[e.name], names[e.value] = e.value, true
	}
	for _, e := range x.enumerators() {
		switch v, still := values[e.name]; {
		case still && v != e.value:
			return fmt.Sprintf("%s changes from %d to %d", e.name, e.value, v), true
		case !still && !names[e.value]:
			return fmt.Sprintf("it no longer has %s (%d)", e.name, e.value), true
		}
	}
	return "", true
}

func (n *die) enumerators() []*die { return n.parts(dwarf.TagEnumerator) }
