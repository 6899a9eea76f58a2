package debuginfo

import (
	"debug/dwarf"
	"slices"
)

// links are the types by which the kernel reaches an object that they are part
// of, from another task or an interrupt.
var links = map[string]bool{
	// in lists and trees
	"list_head": true, "hlist_node": true, "hlist_bl_node": true, "hlist_nulls_node": true, "llist_node": true,
	"plist_node": true, "klist_node": true, "rb_node": true, "rhash_head": true, "radix_tree_node": true,
	// that wait, or are waited for
	"wait_queue_entry": true, "wait_queue_head": true, "swait_queue": true, "swait_queue_head": true,
	"completion": true, "mutex": true, "semaphore": true, "rw_semaphore": true, "spinlock": true,
	"raw_spinlock": true, "rt_mutex_base": true, "task_struct": true,
	// that are run later
	"callback_head": true, "work_struct": true, "kthread_work": true, "timer_list": true, "hrtimer": true,
	"tasklet_struct": true, "irq_work": true, "__call_single_data": true, "notifier_block": true,
	// that are counted
	"refcount_struct": true, "kref": true, "kobject": true, "percpu_ref": true, "atomic_t": true, "atomic64_t": true,
	// whose end is reported by a callback
	"bio": true, "request": true, "kiocb": true, "urb": true, "crypto_async_request": true, "dma_fence": true,
	"dma_async_tx_descriptor": true, "sk_buff": true,
}

// shared reports whether tasks other than its own may reach an object of type t that
// is on a stack.
func (all *dies) shared(t *die) bool {
	return all.linked(t, map[*die]bool{}) || all.held(t)
}

// linked reports whether other tasks can reach an object of type t by something
// inside of it. A pointer to a task or to a completion counts: its owner most likely
// waits beside the object. Types that are seen already are not looked at again.
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

// held reports whether an object of some type has one of t, or a pointer to
// one: what is reached through that object can be on any stack.
func (all *dies) held(t *die) bool {
	seen := map[*die]bool{}
	for _, s := range all.layouts() {
		if all.holds(s, t, seen, 0) {
			return true
		}
	}
	return false
}

// holds looks at the members of s, and into those that have no type name.
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

// target is the type at ref, or what an array is of or a pointer leads to, at last.
func (all *dies) target(ref dwarf.Offset) *die {
	n, _ := all.without(ref, append([]dwarf.Tag{dwarf.TagPointerType, dwarf.TagTypedef, dwarf.TagArrayType}, qualifiers...))
	return n
}
