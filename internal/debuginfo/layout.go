package debuginfo

import (
	"debug/dwarf"
	"fmt"
	"maps"
	"slices"
	"strings"

	"kintsugi/internal/elfobj"
)

// LayoutChange is a type whose layout in memory differs between two objects.
type LayoutChange struct {
	Type   string // struct eventpoll
	Detail string // the first difference
	Shared bool   // other tasks may reach an object of the type on a stack
}

// ChangedLayouts returns the types whose size, members or offsets differ between both objects,
// sorted by name. It ignores types inside functions and types without a name. It finds nothing in
// objects without debug info.
func ChangedLayouts(orig, patched *elfobj.File) ([]LayoutChange, error) {
	olds, err := readDies(orig)
	if err != nil {
		return nil, fmt.Errorf("debug info of the original object: %w", err)
	}
	news, err := readDies(patched)
	if err != nil {
		return nil, fmt.Errorf("debug info of the patched object: %w", err)
	}
	before, after := olds.layouts(), news.layouts()
	var changes []LayoutChange
	for name, b := range after {
		a := before[name]
		if a == nil {
			continue // new: no variable has the type yet
		}
		if detail := layoutDifference(olds, news, a, b); detail != "" {
			changes = append(changes, LayoutChange{Type: name, Detail: detail, Shared: olds.shared(a) || news.shared(b)})
		}
	}
	slices.SortFunc(changes, func(a, b LayoutChange) int { return strings.Compare(a.Type, b.Type) })
	return changes, nil
}

// layoutDifference describes the first difference between a and b. It returns "" if they are the
// same.
func layoutDifference(olds, news *dies, a, b *die) string {
	if a.size != b.size {
		return fmt.Sprintf("its size changes from %d to %d bytes", a.size, b.size)
	}
	before, after := olds.places(a), news.places(b)
	for _, name := range after.names {
		switch bit, known := before.bits[name]; {
		case !known:
			return "it has the new member " + name
		case before.members[name].bits != after.members[name].bits:
			return fmt.Sprintf("its member %s changes from %d to %d bits", name, before.members[name].bits,
				after.members[name].bits)
		case bit != after.bits[name] && bit/8 == after.bits[name]/8:
			return "its member " + name + " moves to other bits"
		case bit != after.bits[name]:
			return fmt.Sprintf("its member %s moves from offset %d to %d", name, bit/8, after.bits[name]/8)
		}
		if detail := memberDifference(olds, news, before.members[name], after.members[name]); detail != "" {
			return "its member " + name + " changes " + detail
		}
	}
	for _, name := range before.names {
		if _, still := after.bits[name]; !still {
			return "it no longer has the member " + name
		}
	}
	return ""
}

// memberDifference describes how the types of two members at the same place differ: what an object
// has there means something else after the patch. It returns "" if they are the same.
func memberDifference(olds, news *dies, a, b *die) string {
	c := comparison{olds: olds, news: news, seen: map[[2]dwarf.Offset]bool{}}
	detail := c.types(a.ref, b.ref)
	was, is := olds.ctype(a.ref, ""), news.ctype(b.ref, "")
	if detail == "" || was == is {
		return detail
	}
	return "from " + was + " to " + is
}

// mostMembers limits the members of one type, because unnamed types can be nested deeply.
const mostMembers = 10000

// places are the members of a type.
type places struct {
	*dies
	bits    map[string]int64 // first bit of each member
	members map[string]*die
	names   []string // in order of declaration
}

func (all *dies) places(n *die) *places {
	p := &places{dies: all, bits: map[string]int64{}, members: map[string]*die{}}
	p.add(n, "", 0, 0)
	return p
}

// add adds the members of n, which begins at bit at. The name of a member of an unnamed type is its
// path.
func (p *places) add(n *die, path string, at int64, depth int) {
	for i, m := range n.members() {
		if len(p.names) >= mostMembers {
			return
		}
		name, bit := path+m.name, at+max(m.value, 0)
		inner := p.plain(m.ref)
		unnamed := inner != nil && inner.isStruct() && inner.name == "" && depth < 10
		switch {
		case unnamed && m.name == "":
			p.add(inner, path, bit, depth+1)
			continue
		case unnamed:
			p.add(inner, name+".", bit, depth+1)
		case m.name == "":
			name += fmt.Sprintf("#%d", i)
		}
		p.bits[name], p.members[name] = bit, m
		p.names = append(p.names, name)
	}
}

func (n *die) isStruct() bool { return n.tag == dwarf.TagStructType || n.tag == dwarf.TagUnionType }

// plain returns the type at ref without const and volatile. For an array, it returns the element
// type.
func (all *dies) plain(ref dwarf.Offset) *die {
	n, _ := all.without(ref, append([]dwarf.Tag{dwarf.TagArrayType}, qualifiers...))
	return n
}

// layouts returns the structs and unions of an object that have a name at file scope, their own or
// a typedef's.
func (all *dies) layouts() map[string]*die {
	types := map[string]*die{}
	for _, at := range slices.Sorted(maps.Keys(all.at)) {
		n := all.at[at]
		switch {
		case n.local || n.name == "":
		case n.isStruct() && !n.declaration:
			types[n.title()] = n
		case n.tag == dwarf.TagTypedef:
			if s := all.at[n.ref]; s != nil && s.isStruct() && s.name == "" {
				types[n.name] = s
			}
		}
	}
	return types
}
