package debuginfo

import (
	"debug/dwarf"
	"fmt"
	"maps"
	"slices"
	"strings"

	"kintsugi/internal/elfobj"
)

// LayoutChange is a type of both objects whose variables look different in
// memory.
type LayoutChange struct {
	Type   string // struct eventpoll
	Detail string // what is different first
	Shared bool   // other tasks may reach an object of the type that is on a stack
}

// ChangedLayouts are the types whose size, members or offsets are not the same in
// both objects, by name. Types of one function are not looked at, nor are
// those without a name, and objects without types in their debug info have none.
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

// layoutDifference describes the first difference between a and b; it is empty if they are the same.
func layoutDifference(olds, news *dies, a, b *die) string {
	if a.size != b.size {
		return fmt.Sprintf("its size goes from %d to %d bytes", a.size, b.size)
	}
	before, after := olds.places(a), news.places(b)
	for _, name := range after.names {
		switch bit, known := before.bits[name]; {
		case !known:
			return "it has the new member " + name
		case bit != after.bits[name] && bit/8 == after.bits[name]/8:
			return "its member " + name + " goes to other bits"
		case bit != after.bits[name]:
			return fmt.Sprintf("its member %s goes from offset %d to %d", name, bit/8, after.bits[name]/8)
		}
	}
	for _, name := range before.names {
		if _, still := after.bits[name]; !still {
			return "it has no member " + name + " any more"
		}
	}
	return ""
}

// mostMembers bounds the members of one type: unnamed types can have members of
// unnamed types.
const mostMembers = 10000

// places are the members of a type.
type places struct {
	*dies
	bits  map[string]int64 // at which each begins
	names []string         // in their order
}

func (all *dies) places(n *die) *places {
	p := &places{dies: all, bits: map[string]int64{}}
	p.add(n, "", 0, 0)
	return p
}

// add adds the members of n, which begins at a bit. The members of unnamed types
// have their path for a name.
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
		p.bits[name] = bit
		p.names = append(p.names, name)
	}
}

func (n *die) isStruct() bool { return n.tag == dwarf.TagStructType || n.tag == dwarf.TagUnionType }

// plain is the type at ref without const and volatile, or what it is an array of.
func (all *dies) plain(ref dwarf.Offset) *die {
	n, _ := all.without(ref, append([]dwarf.Tag{dwarf.TagArrayType}, qualifiers...))
	return n
}

// layouts are the structs and unions of an object that have a name outside
// functions, their own or that of a typedef.
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
