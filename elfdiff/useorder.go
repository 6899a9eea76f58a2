package elfdiff

import (
	"cmp"
	"slices"

	"kintsugi/internal/objmodel"
)

// useSite is the first place that an atom is referred to from.
type useSite struct {
	user string // the first by name, numbers aside, of the functions that refer to it
	off  uint64 // in that function; 0 where only an entry of it refers to the atom
}

// sortByUse puts the atoms of a group in the order in which code uses them.
// Where nothing but order tells several apart, that of the functions' code
// says more than the places that the compiler gave them.
func sortByUse(list []*objmodel.Atom) {
	if len(list) < 2 {
		return
	}
	sites := map[*objmodel.Atom]useSite{}
	for _, a := range list {
		sites[a] = firstUse(a)
	}
	slices.SortStableFunc(list, func(a, b *objmodel.Atom) int {
		p, q := sites[a], sites[b]
		return cmp.Or(cmp.Compare(p.user, q.user), cmp.Compare(p.off, q.off))
	})
}

func firstUse(a *objmodel.Atom) useSite {
	var first useSite
	for i, u := range a.Users {
		name := objmodel.StableName(u.Name)
		if i > 0 && name >= first.user {
			continue
		}
		first = useSite{user: name}
		for _, r := range u.Refs {
			if r.Atom == a {
				first.off = r.Off
				break
			}
		}
	}
	return first
}
