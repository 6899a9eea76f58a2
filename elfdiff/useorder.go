package elfdiff

import (
	"cmp"
	"slices"
)

// useSite is the first place that an atom is referred to from.
type useSite struct {
	user string // the first by name of the functions that refer to it
	off  uint64 // in that function
}

// sortByUse puts the atoms of each group in the order in which code uses them.
// Where nothing but order tells several apart, that of the functions' code
// says more than the places that the compiler gave them.
func (o *Object) sortByUse(groups map[groupKey][]*Atom) {
	sites := map[*Atom]useSite{}
	for _, list := range groups {
		if len(list) > 1 {
			for _, a := range list {
				sites[a] = useSite{}
			}
		}
	}
	if len(sites) == 0 {
		return
	}
	for _, a := range o.Atoms {
		if f := a.function(); f != nil {
			a.noteUses(f.Name, sites)
		}
	}
	for _, list := range groups {
		if len(list) > 1 {
			slices.SortStableFunc(list, func(a, b *Atom) int {
				p, q := sites[a], sites[b]
				return cmp.Or(cmp.Compare(p.user, q.user), cmp.Compare(p.off, q.off))
			})
		}
	}
}

// noteUses notes where a, which is part of the function user, refers to atoms
// that sites has.
func (a *Atom) noteUses(user string, sites map[*Atom]useSite) {
	for i := range a.Refs {
		r := &a.Refs[i]
		if r.Atom == nil || r.Atom.Name == "" {
			continue
		}
		if site, ok := sites[r.Atom]; ok && (site.user == "" || user < site.user) {
			sites[r.Atom] = useSite{user: user, off: r.Off}
		}
	}
}
