package elfdiff

import (
	"bytes"
	"hash/maphash"
	"slices"
	"strings"
	"sync"
)

// matchByContext joins exchangeable atoms by where they are used: between which
// other references of a function. Two are joined when they share a context that
// no third atom of the group has. It is done for nothing else: a patch can move
// code, and a variable taken for another would get its state.
func matchByContext(olds, news []*Atom) (restOld, restNew []*Atom) {
	if len(news) == 0 {
		return olds, news
	}
	for _, a := range slices.Concat(olds, news) {
		if !a.exchangeable() || !sameBytes(a, news[0]) {
			return olds, news
		}
	}
	before, after := contexts(olds), contexts(news)
	for _, b := range news {
		if a := before.only(after.of[b], after); a != nil && a.twin == nil && b.twin == nil {
			join(a, b)
		}
	}
	return unmatched(olds), unmatched(news)
}

// exchangeable reports whether a can be taken for another of its function
// without harm: it is empty, as a lock class is in a kernel without lockdep
// (include/linux/lockdep_types.h), or only says how often a message is printed.
func (a *Atom) exchangeable() bool { return a.Size == 0 || a.limiter() }

// limiter is for a flag of WARN_ONCE and its kin (.data.once, in newer kernels
// .data..once, include/linux/once_lite.h), and for the state of
// pr_err_ratelimited and its kin (include/linux/printk.h). The worst that a
// wrong one does is to have a message once more or once less.
func (a *Atom) limiter() bool {
	switch a.Section.Name {
	case ".data.once", ".data..once":
		return true
	}
	return StableName(a.Name) == "_rs"
}

// limit is the initial value of a limiter: one with another is a new one and
// begins afresh.
func (a *Atom) limit() string {
	if a.Kind != Data || !a.limiter() {
		return ""
	}
	return string(a.Bytes())
}

func sameBytes(a, b *Atom) bool { return a.Size == b.Size && bytes.Equal(a.Bytes(), b.Bytes()) }

func unmatched(list []*Atom) []*Atom {
	var rest []*Atom
	for _, a := range list {
		if a.twin == nil {
			rest = append(rest, a)
		}
	}
	return rest
}

// contextTable knows the contexts of a group's atoms both ways.
type contextTable struct {
	of   map[*Atom][]uint64
	with map[uint64][]*Atom
}

// only is the one atom of t that has one of keys, each of them alone in t and
// alone in the table they come from; nil where there is none or more than one.
func (t *contextTable) only(keys []uint64, from *contextTable) *Atom {
	var found *Atom
	for _, k := range keys {
		if len(t.with[k]) != 1 || len(from.with[k]) != 1 {
			continue
		}
		if found != nil && found != t.with[k][0] {
			return nil
		}
		found = t.with[k][0]
	}
	return found
}

// contextsOf is contexts, found when they are asked for first.
func contextsOf(group []*Atom) func() *contextTable {
	return sync.OnceValue(func() *contextTable { return contexts(group) })
}

func contexts(group []*Atom) *contextTable {
	t := &contextTable{of: map[*Atom][]uint64{}, with: map[uint64][]*Atom{}}
	member := map[*Atom]bool{}
	for _, a := range group {
		member[a] = true
	}
	seen := map[*Atom]bool{}
	for _, a := range group {
		for _, u := range a.users {
			if u.Kind == Func && !seen[u] {
				seen[u] = true
				t.addUser(u, member)
			}
		}
	}
	return t
}

// addUser adds the contexts that the references of function u make.
func (t *contextTable) addUser(u *Atom, member map[*Atom]bool) {
	for i := range u.Refs {
		a := u.Refs[i].Atom
		if !member[a] {
			continue
		}
		key := contextKey(StableName(u.Name), neighbour(u, i, -1, member), neighbour(u, i, 1, member))
		if list := t.with[key]; len(list) == 0 || list[len(list)-1] != a {
			t.with[key] = append(list, a)
			t.of[a] = append(t.of[a], key)
		}
	}
}

// neighbour is what the nearest reference beside the i-th, in steps of step,
// points at that is not itself in question.
func neighbour(u *Atom, i, step int, member map[*Atom]bool) string {
	for i += step; i >= 0 && i < len(u.Refs); i += step {
		r := &u.Refs[i]
		switch {
		case member[r.Atom]:
		case r.Atom != nil && r.Atom.Kind == String:
			return "\"" + r.Atom.Text(r.Addend)
		case r.Atom != nil && r.Atom.Name != "":
			return StableName(r.Atom.Name)
		case r.Sym != nil && !common(r.Sym.Name):
			return r.Sym.Name
		}
	}
	return ""
}

// common are symbols that code refers to everywhere and that tell no place.
func common(symbol string) bool {
	return strings.HasPrefix(symbol, "__x86_") || symbol == "__fentry__" || symbol == "__stack_chk_fail"
}

func contextKey(parts ...string) uint64 {
	return maphash.String(seed, strings.Join(parts, "\x00"))
}
