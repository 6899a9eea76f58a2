package debuginfo

import (
	"debug/dwarf"
	"fmt"
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
	olds, err := layouts(orig)
	if err != nil {
		return nil, fmt.Errorf("debug info of the original object: %w", err)
	}
	news, err := layouts(patched)
	if err != nil {
		return nil, fmt.Errorf("debug info of the patched object: %w", err)
	}
	var changes []LayoutChange
	for name, b := range news {
		a := olds[name]
		if a == nil {
			continue // new: no variable has the type yet
		}
		if detail := layoutDifference(a, b); detail != "" {
			changes = append(changes, LayoutChange{Type: name, Detail: detail, Shared: shared(a, olds) || shared(b, news)})
		}
	}
	slices.SortFunc(changes, func(a, b LayoutChange) int { return strings.Compare(a.Type, b.Type) })
	return changes, nil
}

// layoutDifference describes the first difference between a and b; it is empty if they are the same.
func layoutDifference(a, b *dwarf.StructType) string {
	if a.ByteSize != b.ByteSize {
		return fmt.Sprintf("its size goes from %d to %d bytes", a.ByteSize, b.ByteSize)
	}
	olds, news := map[string]int64{}, map[string]int64{}
	members(olds, a, "", 0, 0)
	names := members(news, b, "", 0, 0)
	for _, name := range names {
		switch bit, known := olds[name]; {
		case !known:
			return "it has the new member " + name
		case bit != news[name] && bit/8 == news[name]/8:
			return "its member " + name + " goes to other bits"
		case bit != news[name]:
			return fmt.Sprintf("its member %s goes from offset %d to %d", name, bit/8, news[name]/8)
		}
	}
	for _, name := range members(olds, a, "", 0, 0) {
		if _, still := news[name]; !still {
			return "it has no member " + name + " any more"
		}
	}
	return ""
}

// members notes at which bit each member of t begins, and returns the names in
// their order. The members of unnamed types have their path for a name.
func members(bits map[string]int64, t *dwarf.StructType, path string, at int64, depth int) (names []string) {
	for i, f := range t.Field {
		name, bit := path+f.Name, at+f.ByteOffset*8+f.DataBitOffset+f.BitOffset
		inner, ok := plainType(f.Type).(*dwarf.StructType)
		switch {
		case ok && inner.StructName == "" && depth < 10 && f.Name == "":
			names = append(names, members(bits, inner, path, bit, depth+1)...)
		case ok && inner.StructName == "" && depth < 10:
			names = append(names, members(bits, inner, name+".", bit, depth+1)...)
			fallthrough
		default:
			if f.Name == "" {
				name += fmt.Sprintf("#%d", i)
			}
			bits[name] = bit
			names = append(names, name)
		}
	}
	return names
}

// plainType is t without const and volatile, or what it is an array of.
func plainType(t dwarf.Type) dwarf.Type {
	for range 10 {
		switch outer := t.(type) {
		case *dwarf.QualType:
			t = outer.Type
		case *dwarf.ArrayType:
			t = outer.Type
		default:
			return t
		}
	}
	return t
}

// layouts are the structs and unions of an object's debug info that have a
// name outside functions, their own or that of a typedef.
func layouts(f *elfobj.File) (map[string]*dwarf.StructType, error) {
	types := map[string]*dwarf.StructType{}
	if f.Section(".debug_info") == nil {
		return types, nil
	}
	d, err := open(f)
	if err != nil {
		return nil, err
	}
	function := 0 // depth of the function that entries are in
	return types, eachEntry(f, d, func(e *dwarf.Entry, depth int) error {
		if depth <= function {
			function = 0
		}
		switch e.Tag {
		case dwarf.TagSubprogram:
			if function == 0 {
				function = depth
			}
		case dwarf.TagStructType, dwarf.TagUnionType, dwarf.TagTypedef:
			if function == 0 {
				return addLayout(types, d, e)
			}
		}
		return nil
	})
}

// addLayout adds the type that e defines, if that is one with members and a name.
func addLayout(types map[string]*dwarf.StructType, d *dwarf.Data, e *dwarf.Entry) error {
	name, _ := e.Val(dwarf.AttrName).(string)
	if name == "" {
		return nil
	}
	t, err := d.Type(e.Offset)
	if err != nil {
		return err
	}
	switch t := t.(type) {
	case *dwarf.StructType:
		if !t.Incomplete {
			types[t.Kind+" "+name] = t
		}
	case *dwarf.TypedefType:
		if s, ok := t.Type.(*dwarf.StructType); ok && s.StructName == "" {
			types[name] = s
		}
	}
	return nil
}
