package elfdiff

import (
	"cmp"
	"slices"
)

// sortEntries puts the entries of each function in the order of their sections'
// names, and unwind entries in that of the places they are for. The order of
// sections in a file says only which of them was needed first.
func (o *Object) sortEntries() {
	for _, a := range o.Atoms {
		if len(a.Entries) > 1 {
			a.sortEntries()
		}
	}
}

func (a *Atom) sortEntries() {
	sites := a.unwindSites()
	type entry struct {
		*Atom
		site int64
	}
	list := make([]entry, len(a.Entries))
	leaders, followers := 0, 0
	for i, e := range a.Entries {
		list[i].Atom = e
		switch {
		case e.Spec.parallel != "" && leaders < len(sites):
			list[i].site = sites[leaders]
			leaders++
		case e.Spec.parallelTo != "" && followers < len(sites):
			list[i].site = sites[followers]
			followers++
		}
	}
	slices.SortStableFunc(list, func(e, f entry) int {
		return cmp.Or(cmp.Compare(e.Section.Name, f.Section.Name), cmp.Compare(e.site, f.site))
	})
	for i, e := range list {
		a.Entries[i] = e.Atom
	}
}

// unwindSites are the places in a that its entries of a section with a parallel
// one are for: those of the n-th entries of both sections.
func (a *Atom) unwindSites() []int64 {
	var sites []int64
	for _, e := range a.Entries {
		if e.Spec.parallel != "" && len(e.Refs) > 0 {
			sites = append(sites, e.Refs[0].Addend)
		}
	}
	return sites
}
