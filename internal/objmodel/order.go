package objmodel

import (
	"cmp"
	"slices"
)

// sortEntries sorts the entries of each function by section name. The order of sections in a file
// only shows which section the compiler needed first.
func (o *Object) sortEntries() {
	for _, a := range o.Atoms {
		if len(a.Entries) > 1 {
			slices.SortStableFunc(a.Entries, func(e, f *Atom) int { return cmp.Compare(e.Section.Name, f.Section.Name) })
		}
	}
}
