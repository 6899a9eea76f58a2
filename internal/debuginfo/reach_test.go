package debuginfo

import (
	"debug/dwarf"
	"testing"
)

// typesOf creates the entries of a test.
type typesOf struct{ *dies }

func newTypes() typesOf { return typesOf{&dies{at: map[dwarf.Offset]*die{}, tags: map[string]bool{}}} }

func (t typesOf) add(n *die) dwarf.Offset {
	at := dwarf.Offset(len(t.at) + 1)
	t.at[at] = n
	return at
}

func (t typesOf) structOf(name string, members ...dwarf.Offset) dwarf.Offset {
	n := &die{tag: dwarf.TagStructType, name: name}
	for _, m := range members {
		n.children = append(n.children, &die{tag: dwarf.TagMember, name: "m", ref: m})
	}
	return t.add(n)
}

func (t typesOf) of(tag dwarf.Tag, ref dwarf.Offset) dwarf.Offset {
	return t.add(&die{tag: tag, ref: ref})
}

func (t typesOf) pointer(ref dwarf.Offset) dwarf.Offset { return t.of(dwarf.TagPointerType, ref) }

func TestShared(t *testing.T) {
	for name, c := range map[string]struct {
		members func(t typesOf, number, list dwarf.Offset) []dwarf.Offset
		want    bool
	}{
		"numbers": {func(t typesOf, number, _ dwarf.Offset) []dwarf.Offset {
			return []dwarf.Offset{number, t.pointer(number)}
		}, false},
		"a pointer to a list": {func(t typesOf, _, list dwarf.Offset) []dwarf.Offset {
			return []dwarf.Offset{t.pointer(list)}
		}, false},
		"a list": {func(_ typesOf, number, list dwarf.Offset) []dwarf.Offset {
			return []dwarf.Offset{number, list}
		}, true},
		"an array of lists": {func(t typesOf, _, list dwarf.Offset) []dwarf.Offset {
			return []dwarf.Offset{t.of(dwarf.TagArrayType, list)}
		}, true},
		"a list of a member": {func(t typesOf, _, list dwarf.Offset) []dwarf.Offset {
			return []dwarf.Offset{t.structOf("", t.structOf("y", t.of(dwarf.TagConstType, list)))}
		}, true},
		"a counter": {func(t typesOf, number, _ dwarf.Offset) []dwarf.Offset {
			return []dwarf.Offset{t.add(&die{tag: dwarf.TagTypedef, name: "atomic_t", ref: t.structOf("", number)})}
		}, true},
		"the completion of another": {func(t typesOf, _, _ dwarf.Offset) []dwarf.Offset {
			return []dwarf.Offset{t.pointer(t.structOf("completion"))}
		}, true},
		"a task that waits": {func(t typesOf, _, _ dwarf.Offset) []dwarf.Offset {
			return []dwarf.Offset{t.pointer(t.of(dwarf.TagConstType, t.structOf("task_struct")))}
		}, true},
	} {
		types := newTypes()
		number := types.add(&die{tag: dwarf.TagBaseType, name: "int"})
		x := types.structOf("x", c.members(types, number, types.structOf("list_head", number))...)
		if got := types.shared(types.at[x]); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	for _, name := range []string{"work_struct", "timer_list", "callback_head", "hlist_node", "wait_queue_entry", "completion"} {
		types := newTypes()
		if x := types.structOf("x", types.structOf(name)); !types.shared(types.at[x]) {
			t.Errorf("an object with a %s is not shared", name)
		}
	}
}

// TestHeld has types that lead to an object of another type.
func TestHeld(t *testing.T) {
	for name, c := range map[string]struct {
		holder func(t typesOf, x dwarf.Offset) dwarf.Offset
		want   bool
	}{
		"another": {func(t typesOf, _ dwarf.Offset) dwarf.Offset { return t.structOf("z") }, false},
		"a function of it": {func(t typesOf, x dwarf.Offset) dwarf.Offset {
			return t.pointer(t.add(&die{tag: dwarf.TagSubroutineType,
				children: []*die{{tag: dwarf.TagFormalParameter, ref: t.pointer(x)}}}))
		}, false},
		"a pointer":  {func(t typesOf, x dwarf.Offset) dwarf.Offset { return t.pointer(x) }, true},
		"the object": {func(_ typesOf, x dwarf.Offset) dwarf.Offset { return x }, true},
		"an array of pointers": {func(t typesOf, x dwarf.Offset) dwarf.Offset {
			return t.of(dwarf.TagArrayType, t.pointer(t.add(&die{tag: dwarf.TagTypedef, name: "x_t", ref: x})))
		}, true},
		"a pointer in an unnamed one": {func(t typesOf, x dwarf.Offset) dwarf.Offset {
			return t.structOf("", t.pointer(t.pointer(x)))
		}, true},
	} {
		types := newTypes()
		x := types.structOf("x", types.add(&die{tag: dwarf.TagBaseType, name: "int"}))
		types.structOf("y", c.holder(types, x))
		if got := types.shared(types.at[x]); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	types := newTypes()
	chain := types.structOf("chain")
	types.at[chain].children = []*die{{tag: dwarf.TagMember, name: "next", ref: types.pointer(chain)}}
	if !types.shared(types.at[chain]) {
		t.Error("an object that leads to the next one of its type is shared")
	}
}
