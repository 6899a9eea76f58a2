package objmodel

import (
	"cmp"
	"slices"
)

// sortEntries puts the entries of each function in the order of their
// sections' names. The order of sections in a file says only which of them was
// needed first.
func (o *Object) sortEntries() {
	for _, a := range o.Atoms {
		if len(a.Entries) > 1 {
			slices.SortStableFunc(a.Entries, func(e, f *Atom) int { return cmp.Compare(e.Section.Name, f.Section.Name) })
		}
	}
}
