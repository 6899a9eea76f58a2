package builder

import (
	"slices"

	"kintsugi/elfdiff"
	"kintsugi/internal/fault"
	"kintsugi/internal/objmodel"
	"kintsugi/internal/patchfile"
	"kintsugi/internal/report"
)

// changed is a unit with its difference.
type changed struct {
	proven
	diff      *elfdiff.Result
	readsKeys bool                // the unit was compiled to read static keys
	kernel    *objmodel.Object    // if readsKeys: the original as in the kernel; else nil
	notes     []report.Diagnostic // findings about functions that read static keys
}

// diff finds what changed in every unit.
func diff(units []proven) ([]changed, error) {
	list := make([]changed, 0, len(units))
	for _, u := range units {
		patched, err := load(u.Patched)
		if err != nil {
			// The original could be loaded, so the fault is in the patched object.
			return nil, fault.Inputf("%s (patched): %w", u.Unit.Object, err)
		}
		list = append(list, changed{proven: u, diff: elfdiff.DiffObjects(u.orig, patched)})
	}
	return list, nil
}

// judge collects the findings about all changes. changes are the files of the
// patch by path.
func judge(units []changed, changes map[string]*patchfile.Change) []report.Diagnostic {
	var found []report.Diagnostic
	for _, u := range units {
		found = append(found, u.layouts(changes, found)...)
		found = append(found, u.at(u.diff.Diagnostics)...)
		found = append(found, u.at(keptByOthers(u, units))...)
		found = append(found, disagreements(u, units)...)
		found = append(found, u.at(u.notes)...)
	}
	return found
}

// disagreements returns the findings about variables that u renames and other units use.
func disagreements(u changed, units []changed) []report.Diagnostic {
	var found []report.Diagnostic
	for _, other := range units {
		if other.diff != u.diff {
			found = append(found, other.at(u.diff.Disagrees(other.diff))...)
		}
	}
	return found
}

// keptByOthers returns the findings about new names of u whose addresses other units pass on, each
// once.
func keptByOthers(u changed, units []changed) []report.Diagnostic {
	var found []report.Diagnostic
	for _, other := range units {
		for _, d := range u.diff.KeptBy(other.diff) {
			if !slices.ContainsFunc(slices.Concat(found, u.diff.Diagnostics), func(old report.Diagnostic) bool {
				return old.Code == d.Code && old.Symbol == d.Symbol
			}) {
				found = append(found, d)
			}
		}
	}
	return found
}

// empty reports whether no unit has code or data to replace.
func empty(units []changed) bool {
	return !slices.ContainsFunc(units, func(u changed) bool { return !u.diff.Empty() })
}

// at adds object and source of the unit to findings.
func (u *compiled) at(found []report.Diagnostic) []report.Diagnostic {
	list := make([]report.Diagnostic, 0, len(found))
	for _, d := range found {
		d.Object = u.owner.Name
		if d.Source == "" {
			d.Source = u.Unit.Source
		}
		list = append(list, d)
	}
	return list
}
