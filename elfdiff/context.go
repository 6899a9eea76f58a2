package elfdiff

import (
	"bytes"
	"hash/maphash"
	"slices"
	"strings"
	"sync"

	"kintsugi/internal/arch"
	"kintsugi/internal/objmodel"
)

// matchByContext joins exchangeable atoms by the contexts of their uses: the references
// before and after a use in a function. Two atoms are joined if they share a context
// that no third atom of the group has. Other atoms are not joined like this: a patch can
// move code, and a variable joined with another would get its state.
func (p *Pairing) matchByContext(olds, news []*objmodel.Atom) (restOld, restNew []*objmodel.Atom) {
	if len(news) == 0 {
		return olds, news
	}
	for _, a := range slices.Concat(olds, news) {
		if !exchangeable(a) || !sameBytes(a, news[0]) {
			return olds, news
		}
	}
	before, after := contexts(olds), contexts(news)
	for _, b := range news {
		if a := before.only(after.of[b], after); a != nil && p.Twin(a) == nil && p.Twin(b) == nil {
			p.join(a, b)
		}
	}
	return p.unmatched(olds), p.unmatched(news)
}

// exchangeable reports whether it is harmless to confuse a with another atom of its
// function: it is empty, like a lock class in a kernel without lockdep
// (include/linux/lockdep_types.h).
func exchangeable(a *objmodel.Atom) bool { return a.Size == 0 }

func sameBytes(a, b *objmodel.Atom) bool {
	return a.Size == b.Size && bytes.Equal(a.Bytes(), b.Bytes())
}

// contextTable maps the atoms of a group to their contexts and back.
type contextTable struct {
	of   map[*objmodel.Atom][]uint64
	with map[uint64][]*objmodel.Atom
}

// only returns the only atom of t that has one of keys, or nil if there is none or several. A key
// counts only if a single atom of t and a single atom of the table from has it.
func (t *contextTable) only(keys []uint64, from *contextTable) *objmodel.Atom {
	var found *objmodel.Atom
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

// contextsOf returns the contexts, which are computed lazily.
func contextsOf(group []*objmodel.Atom) func() *contextTable {
	return sync.OnceValue(func() *contextTable { return contexts(group) })
}

func contexts(group []*objmodel.Atom) *contextTable {
	t := &contextTable{of: map[*objmodel.Atom][]uint64{}, with: map[uint64][]*objmodel.Atom{}}
	member := map[*objmodel.Atom]bool{}
	for _, a := range group {
		member[a] = true
	}
	seen := map[*objmodel.Atom]bool{}
	for _, a := range group {
		for _, u := range a.Users {
			if u.Kind == objmodel.Func && !seen[u] {
				seen[u] = true
				t.addUser(u, member)
			}
		}
	}
	return t
}

// addUser adds the contexts of the references of function u.
func (t *contextTable) addUser(u *objmodel.Atom, member map[*objmodel.Atom]bool) {
	for i := range u.Refs {
		a := u.Refs[i].Atom
		if !member[a] {
			continue
		}
		key := contextKey(objmodel.StableName(u.Name), neighbour(u, i, -1, member), neighbour(u, i, 1, member))
		if list := t.with[key]; len(list) == 0 || list[len(list)-1] != a {
			t.with[key] = append(list, a)
			t.of[a] = append(t.of[a], key)
		}
	}
}

// neighbour returns the target of the nearest reference before (step -1) or after (step 1) the i-th
// that is not itself a member of the group.
func neighbour(u *objmodel.Atom, i, step int, member map[*objmodel.Atom]bool) string {
	for i += step; i >= 0 && i < len(u.Refs); i += step {
		r := &u.Refs[i]
		switch {
		case member[r.Atom]:
		case r.Atom != nil && r.Atom.Kind == objmodel.String:
			return "\"" + r.Atom.Text(r.Addend)
		case r.Atom != nil && r.Atom.Name != "":
			return objmodel.StableName(r.Atom.Name)
		case r.Sym != nil && !arch.IsRuntime(r.Sym.Name):
			return r.Sym.Name
		}
	}
	return ""
}

func contextKey(parts ...string) uint64 {
	return maphash.String(seed, strings.Join(parts, "\x00"))
}
