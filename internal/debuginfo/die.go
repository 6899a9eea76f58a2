package debuginfo

import (
	"debug/dwarf"
	"slices"

	"kintsugi/internal/elfobj"
)

// die is one entry of debug info: a type, a part of a type, or a function or variable of file
// scope. Layouts and prototypes are read from it. References to other entries are offsets, so that
// reading does not follow cycles of types.
type die struct {
	tag         dwarf.Tag
	name        string
	linkage     string       // the symbol's name, if it differs from name
	ref         dwarf.Offset // offset of its type; 0: void
	spec        dwarf.Offset // offset of the declaration that has the other attributes; 0: none
	size        int64
	encoding    int64
	value       int64 // value of an enumerator, bit offset of a member, or length of an array (-1: not known)
	bits        int64 // size of a bit field
	declaration bool
	local       bool // inside a function
	children    []*die
}

// qualifiers are the tags of const and other type qualifiers.
var qualifiers = []dwarf.Tag{dwarf.TagConstType, dwarf.TagVolatileType, dwarf.TagRestrictType, dwarf.TagAtomicType}

// dies are the entries of an object by offset.
type dies struct {
	at   map[dwarf.Offset]*die
	file []*die          // functions and variables of file scope, in the order of the debug info
	tags map[string]bool // struct NAME, union NAME, enum NAME: also those only declared
}

// readDies reads the types, functions and variables of an object. Without debug info the result is
// empty.
func readDies(f *elfobj.File) (*dies, error) {
	all := &dies{at: map[dwarf.Offset]*die{}, tags: map[string]bool{}}
	if f.Section(".debug_info") == nil {
		return all, nil
	}
	d, err := open(f)
	if err != nil {
		return nil, err
	}
	var parents []*die // by depth; nil: not kept
	function := 0      // depth of the function around the current entry
	return all, eachEntry(f, d, func(e *dwarf.Entry, depth int) error {
		depth = min(max(depth, 1), len(parents)+1)
		if depth <= function {
			function = 0
		}
		kept := all.add(e, depth, parents)
		if kept != nil {
			kept.local = function > 0
		}
		if e.Tag == dwarf.TagSubprogram && function == 0 {
			function = depth
		}
		parents = append(parents[:depth-1], kept)
		return nil
	})
}

// add keeps e if it is needed, and returns the kept entry.
func (all *dies) add(e *dwarf.Entry, depth int, parents []*die) *die {
	switch e.Tag {
	case dwarf.TagSubprogram, dwarf.TagVariable:
		if depth != 2 { // of a unit: the unit itself is at depth 1
			return nil
		}
		n := all.keep(e)
		all.file = append(all.file, n)
		return n
	case dwarf.TagBaseType, dwarf.TagPointerType, dwarf.TagTypedef, dwarf.TagConstType, dwarf.TagVolatileType,
		dwarf.TagRestrictType, dwarf.TagAtomicType, dwarf.TagArrayType, dwarf.TagSubroutineType,
		dwarf.TagUnspecifiedType:
		return all.keep(e)
	case dwarf.TagStructType, dwarf.TagUnionType, dwarf.TagEnumerationType:
		n := all.keep(e)
		all.tags[n.title()] = true
		return n
	case dwarf.TagMember, dwarf.TagFormalParameter, dwarf.TagUnspecifiedParameters, dwarf.TagEnumerator,
		dwarf.TagSubrangeType:
		if depth < 2 || parents[depth-2] == nil {
			return nil
		}
		n, parent := newDie(e), parents[depth-2]
		parent.children = append(parent.children, n)
	}
	return nil
}

func (all *dies) keep(e *dwarf.Entry) *die {
	n := newDie(e)
	all.at[e.Offset] = n
	return n
}

func newDie(e *dwarf.Entry) *die {
	n := &die{tag: e.Tag, value: -1}
	bits, placed := int64(0), false
	for _, f := range e.Field {
		switch v := f.Val.(type) {
		case string:
			n.text(f.Attr, v)
		case dwarf.Offset:
			n.reference(f.Attr, v)
		case bool:
			n.declaration = n.declaration || f.Attr == dwarf.AttrDeclaration && v
		case int64:
			if at, ok := bitsBefore(f.Attr, v); ok {
				bits, placed = bits+at, true
				continue
			}
			n.number(f.Attr, v)
		}
	}
	if placed {
		n.value = bits
	}
	return n
}

func (n *die) text(a dwarf.Attr, v string) {
	switch a {
	case dwarf.AttrName:
		n.name = v
	case dwarf.AttrLinkageName:
		n.linkage = v
	}
}

func (n *die) reference(a dwarf.Attr, v dwarf.Offset) {
	switch a {
	case dwarf.AttrType:
		n.ref = v
	case dwarf.AttrSpecification:
		n.spec = v
	}
}

func (n *die) number(a dwarf.Attr, v int64) {
	switch a {
	case dwarf.AttrByteSize:
		n.size = v
	case dwarf.AttrEncoding:
		n.encoding = v
	case dwarf.AttrBitSize:
		n.bits = v
	case dwarf.AttrConstValue, dwarf.AttrCount:
		n.value = v
	case dwarf.AttrUpperBound:
		n.value = v + 1
	}
}

// bitsBefore returns what an attribute adds to the bit offset of a member. DWARF 4 counts bit
// fields from the other end. This does not matter, because both objects do so.
func bitsBefore(a dwarf.Attr, v int64) (bits int64, ok bool) {
	switch a {
	case dwarf.AttrDataMemberLoc:
		return v * 8, true
	case dwarf.AttrDataBitOffset, dwarf.AttrBitOffset:
		return v, true
	}
	return 0, false
}

// title returns the name of a struct, union or enum as in C, or only the keyword if it has no name.
func (n *die) title() string {
	keyword := map[dwarf.Tag]string{dwarf.TagStructType: "struct", dwarf.TagUnionType: "union",
		dwarf.TagEnumerationType: "enum"}[n.tag]
	if n.name == "" {
		return keyword
	}
	return keyword + " " + n.name
}

// parts returns the children of n that have one of these tags.
func (n *die) parts(tags ...dwarf.Tag) []*die {
	var list []*die
	for _, c := range n.children {
		if slices.Contains(tags, c.tag) {
			list = append(list, c)
		}
	}
	return list
}

// without follows the type at ref through entries with these tags. It returns the first entry with
// another tag, and its offset. The entry is nil for void, and if the chain has no end.
func (all *dies) without(ref dwarf.Offset, tags []dwarf.Tag) (n *die, at dwarf.Offset) {
	for range 100 {
		n, at = all.at[ref], ref
		if n == nil || !slices.Contains(tags, n.tag) {
			return n, at
		}
		ref = n.ref
	}
	return nil, at
}
