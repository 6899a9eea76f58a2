package debuginfo

import (
	"debug/dwarf"
	"testing"
)

func structOf(name string, members ...dwarf.Type) *dwarf.StructType {
	t := &dwarf.StructType{Kind: "struct", StructName: name}
	for _, m := range members {
		t.Field = append(t.Field, &dwarf.StructField{Name: "m", Type: m})
	}
	return t
}

func pointer(t dwarf.Type) dwarf.Type { return &dwarf.PtrType{Type: t} }

func TestShared(t *testing.T) {
	number := &dwarf.IntType{}
	list := structOf("list_head", number)
	atomic := &dwarf.TypedefType{CommonType: dwarf.CommonType{Name: "atomic_t"}, Type: structOf("", number)}
	for name, c := range map[string]struct {
		t    *dwarf.StructType
		want bool
	}{
		"numbers":                   {structOf("x", number, pointer(number)), false},
		"a pointer to a list":       {structOf("x", pointer(list)), false},
		"a list":                    {structOf("x", number, list), true},
		"an array of lists":         {structOf("x", &dwarf.ArrayType{Type: list}), true},
		"a list of a member":        {structOf("x", structOf("", structOf("y", &dwarf.QualType{Type: list}))), true},
		"a counter":                 {structOf("x", atomic), true},
		"a work item":               {structOf("x", structOf("work_struct")), true},
		"a timer":                   {structOf("x", structOf("timer_list")), true},
		"a head for RCU":            {structOf("x", structOf("callback_head")), true},
		"a node of a hash list":     {structOf("x", structOf("hlist_node")), true},
		"an entry of a wait queue":  {structOf("x", structOf("wait_queue_entry")), true},
		"a completion":              {structOf("x", structOf("completion")), true},
		"the completion of another": {structOf("x", pointer(structOf("completion"))), true},
		"a task that waits":         {structOf("x", pointer(&dwarf.QualType{Type: structOf("task_struct")})), true},
	} {
		if got := shared(c.t, map[string]*dwarf.StructType{"struct x": c.t}); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestHeld has types that lead to an object of another type.
func TestHeld(t *testing.T) {
	x := structOf("x", &dwarf.IntType{})
	named := &dwarf.TypedefType{CommonType: dwarf.CommonType{Name: "x_t"}, Type: x}
	chain := structOf("chain")
	chain.Field = structOf("", pointer(chain)).Field
	if !shared(chain, map[string]*dwarf.StructType{"struct chain": chain}) {
		t.Error("an object that leads to the next one of its type is shared")
	}
	for name, c := range map[string]struct {
		holder *dwarf.StructType
		want   bool
	}{
		"another":                     {structOf("y", structOf("z")), false},
		"a function of it":            {structOf("y", pointer(&dwarf.FuncType{ParamType: []dwarf.Type{pointer(x)}})), false},
		"a pointer":                   {structOf("y", pointer(x)), true},
		"the object":                  {structOf("y", x), true},
		"an array of pointers":        {structOf("y", &dwarf.ArrayType{Type: pointer(named)}), true},
		"a pointer in an unnamed one": {structOf("y", structOf("", pointer(pointer(x)))), true},
	} {
		if got := shared(x, map[string]*dwarf.StructType{"struct x": x, "struct y": c.holder}); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
