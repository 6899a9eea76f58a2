package debuginfo

import (
	"debug/dwarf"
	"slices"
)

// links are the types through which other tasks or interrupts reach the object that contains them.
var links = map[string]bool{
	// members of lists and trees
	"list_head": true, "hlist_node": true, "hlist_bl_node": true, "hlist_nulls_node": true, "llist_node": true,
	"plist_node": true, "klist_node": true, "rb_node": true, "rhash_head": true, "radix_tree_node": true,
	// objects that wait, or are waited for
	"wait_queue_entry": true, "wait_queue_head": true, "swait_queue": true, "swait_queue_head": true,
	"completion": true, "mutex": true, "semaphore": true, "rw_semaphore": true, "spinlock": true,
	"raw_spinlock": true, "rt_mutex_base": true, "task_struct": true,
	// work that runs later
	"callback_head": true, "work_struct": true, "kthread_work": true, "timer_list": true, "hrtimer": true,
	"tasklet_struct": true, "irq_work": true, "__call_single_data": true, "notifier_block": true,
	// counted references
	"refcount_struct": true, "kref": true, "kobject": true, "percpu_ref": true, "atomic_t": true, "atomic64_t": true,
	// requests whose completion calls back
	"bio": true, "request": true, "kiocb": true, "urb": true, "crypto_async_request": true, "dma_fence": true,
	"dma_async_tx_descriptor": true, "sk_buff": true,
}

// shared reports whether other tasks may reach an object of type t on a stack.
func (all *dies) shared(t *die) bool {
	return all.linked(t, map[*die]bool{}) || all.held(t)
}

// linked reports whether other tasks can reach an object of type t through a part of it. A pointer
// to a task or to a completion counts, because its owner most likely waits and has the object on
// its stack. seen contains the types already visited.
func (all *dies) linked(t *die, seen map[*die]bool) bool {
	if t == nil || seen[t] {
		return false
	}
	if len(seen) > mostMembers {
		return true
	}
	seen[t] = true
	switch t.tag {
	case dwarf.TagTypedef:
		return links[t.name] || all.linked(all.at[t.ref], seen)
	case dwarf.TagConstType, dwarf.TagVolatileType, dwarf.TagRestrictType, dwarf.TagAtomicType, dwarf.TagArrayType:
		return all.linked(all.at[t.ref], seen)
	case dwarf.TagPointerType:
		s := all.target(t.ref)
		return s != nil && s.isStruct() && (s.name == "task_struct" || s.name == "completion")
	case dwarf.TagStructType, dwarf.TagUnionType:
		return links[t.name] || slices.ContainsFunc(t.members(), func(m *die) bool {
			return all.linked(all.at[m.ref], seen)
		})
	}
	return false
}

// held reports whether any type contains t or a pointer to t. An object reached through such a type
// can be on any stack.
func (all *dies) held(t *die) bool {
	seen := map[*die]bool{}
	for _, s := range all.layouts() {
		if all.holds(s, t, seen, 0) {
			return true
		}
	}
	return false
}

// holds checks the members of s, and those of unnamed types inside it.
func (all *dies) holds(s, t *die, seen map[*die]bool, depth int) bool {
	if seen[s] || depth > 100 {
		return depth > 100
	}
	seen[s] = true
	return slices.ContainsFunc(s.members(), func(m *die) bool {
		inner := all.target(m.ref)
		switch {
		case inner == nil || !inner.isStruct():
			return false
		case inner.name == "":
			return all.holds(inner, t, seen, depth+1)
		}
		return inner.name == t.name && inner.tag == t.tag
	})
}

// target returns the type at ref without arrays, pointers, typedefs and qualifiers.
func (all *dies) target(ref dwarf.Offset) *die {
	n, _ := all.without(ref,
		append([]dwarf.Tag{dwarf.TagPointerType, dwarf.TagTypedef, dwarf.TagArrayType}, qualifiers...))
	return n
}
