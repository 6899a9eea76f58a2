package elfdiff

import (
	"cmp"
	"slices"

	"kintsugi/internal/objmodel"
)

// useSite is the first place that refers to an atom.
type useSite struct {
	user string // first of its users, sorted by name without numbers
	off  uint64 // offset in user; 0 if only an entry of user refers to the atom
}

// sortByUse sorts the atoms of a group by their first uses in code. If only the order distinguishes
// several atoms, the order of uses is more reliable than the order of addresses, which the compiler
// chose.
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
