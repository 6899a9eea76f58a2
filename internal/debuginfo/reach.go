package debuginfo

import (
	"debug/dwarf"
	"maps"
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

// shared reports whether other tasks than its own may come to an object of type
// t that is on a stack. types are all types of the same object file.
func shared(t *dwarf.StructType, types map[string]*dwarf.StructType) bool {
	return linked(t, 0) || held(t, types)
}

// linked reports whether other tasks can come to an object of type t by
// something that it has inside. A pointer to a task or to a completion counts:
// its owner is most likely somebody who waits beside the object.
func linked(t dwarf.Type, depth int) bool {
	if depth > 30 {
		return true
	}
	switch t := t.(type) {
	case *dwarf.QualType:
		return linked(t.Type, depth+1)
	case *dwarf.ArrayType:
		return linked(t.Type, depth+1)
	case *dwarf.TypedefType:
		return links[t.Name] || linked(t.Type, depth+1)
	case *dwarf.PtrType:
		s, ok := target(t).(*dwarf.StructType)
		return ok && (s.StructName == "task_struct" || s.StructName == "completion")
	case *dwarf.StructType:
		return links[t.StructName] || slices.ContainsFunc(t.Field, func(f *dwarf.StructField) bool {
			return linked(f.Type, depth+1)
		})
	}
	return false
}

// held reports whether an object of some type has one of t, or a pointer to
// one: what is reached through that object can be on any stack.
func held(t *dwarf.StructType, types map[string]*dwarf.StructType) bool {
	return slices.ContainsFunc(slices.Collect(maps.Values(types)), func(s *dwarf.StructType) bool {
		return holds(s, t, 0)
	})
}

// holds looks at the members of s, and into those that have no type name.
func holds(s, t *dwarf.StructType, depth int) bool {
	return slices.ContainsFunc(s.Field, func(f *dwarf.StructField) bool {
		inner, ok := target(f.Type).(*dwarf.StructType)
		switch {
		case !ok:
			return false
		case inner.StructName == "":
			return depth > 10 || holds(inner, t, depth+1)
		}
		return inner.StructName == t.StructName && inner.Kind == t.Kind
	})
}

// target is what t is, an array is of, or a pointer leads to, at last.
func target(t dwarf.Type) dwarf.Type {
	for range 30 {
		switch outer := t.(type) {
		case *dwarf.PtrType:
			t = outer.Type
		case *dwarf.TypedefType:
			t = outer.Type
		default:
			if t = plainType(outer); t == outer {
				return t
			}
		}
	}
	return t
}
