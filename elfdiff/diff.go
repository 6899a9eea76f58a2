// Package elfdiff finds the differences between two relocatable objects, function by
// function, and selects the parts of the patched object that a livepatch needs. It is
// pure: values in, values out.
package elfdiff

import (
	"fmt"
	"slices"
	"sort"
	"sync"

	"kintsugi/internal/diag"
	"kintsugi/internal/elfobj"
	"kintsugi/internal/objmodel"
	"kintsugi/internal/report"
)

// Result is the difference between two objects.
type Result struct {
	Orig, Patched *objmodel.Object
	Pairs         *Pairing
	Functions     []*Function
	Data          []*DataItem
	Removed       []string // functions of the original only
	Exports       []string // symbols that only the patched object exports
	Callbacks     []Callback
	States        []State
	Diagnostics   []report.Diagnostic

	// Contents are the atoms of the patched object that the module contains, in the object's order:
	// Functions, Data, and everything that belongs to them.
	Contents []*objmodel.Atom

	// handsOut maps symbols of other units, whose addresses included code hands out, to that code.
	// borrows reports whether a function of this unit keeps nothing of an argument. See KeptBy.
	handsOut map[string][]*handing
	borrows  func(function string, arg int) bool

	renamed map[*objmodel.Atom]bool // patched variables whose twin has another name
}

// Function is an included function.
type Function struct {
	Name   string
	Old    *objmodel.Atom // nil: the function is new
	New    *objmodel.Atom
	Cause  []report.Cause
	Patch  bool // replaces Old; false: only other functions of the module call it
	Change *Difference
}

// DataItem is an included named data object.
type DataItem struct {
	Name   string
	New    *objmodel.Atom
	Status report.Status
}

// Refused reports whether a finding refuses the livepatch.
func (r *Result) Refused() bool {
	for _, d := range r.Diagnostics {
		if d.Severity == diag.Error {
			return true
		}
	}
	return false
}

// Empty reports whether nothing is included.
func (r *Result) Empty() bool { return len(r.Functions) == 0 && len(r.Data) == 0 }

// Diff compares a pair of objects. The result is complete: each difference is in an
// included function or data object, or in a diagnostic.
func Diff(orig, patched *elfobj.File) (*Result, error) {
	if orig.Machine != patched.Machine {
		return nil, fmt.Errorf("objects of different machines: %v and %v", orig.Machine, patched.Machine)
	}
	var a, b *objmodel.Object
	var errA, errB error
	var loading sync.WaitGroup
	loading.Go(func() { a, errA = objmodel.Load(orig) })
	loading.Go(func() { b, errB = objmodel.Load(patched) })
	loading.Wait()
	if errA != nil {
		return nil, fmt.Errorf("original object: %w", errA)
	}
	if errB != nil {
		return nil, fmt.Errorf("patched object: %w", errB)
	}
	return DiffObjects(a, b), nil
}

// DiffObjects is Diff for loaded objects.
func DiffObjects(orig, patched *objmodel.Object) *Result {
	s := newSelection(orig, patched)
	s.obey()
	s.names()
	s.removals()
	s.functions()
	s.data()
	s.unowned()
	s.close()
	s.state()
	s.kept()
	s.limiters()
	s.initCode()
	return s.result()
}

func (s *selection) result() *Result {
	r := s.res
	r.Orig, r.Patched, r.Pairs, r.Contents = s.orig, s.patched, s.pairs, s.contents()
	r.borrows, r.renamed = s.borrowsByName, s.renamed
	for a, t := range s.reasons {
		old := s.twin(a)
		switch {
		case a.Kind == objmodel.Func:
			patch := old != nil && old.Patchable()
			r.Functions = append(r.Functions, &Function{
				Name: a.Name, Old: old, New: a, Cause: t.cause, Patch: patch, Change: t.change})
		case a.Kind == objmodel.Data:
			r.Data = append(r.Data, &DataItem{Name: a.Name, New: a, Status: dataStatus(old, t)})
		}
	}
	sort.Slice(r.Functions, func(i, j int) bool { return r.Functions[i].New.Order < r.Functions[j].New.Order })
	sort.Slice(r.Data, func(i, j int) bool { return r.Data[i].New.Order < r.Data[j].New.Order })
	if !r.Refused() && !r.effective() {
		r.Functions, r.Data, r.Contents = nil, nil, nil
	}
	for _, a := range s.orig.Atoms {
		if a.Kind == objmodel.Func && s.twin(a) == nil {
			r.Removed = append(r.Removed, a.Name)
		}
	}
	sort.Strings(r.Removed)
	return r
}

// effective reports whether anything included can ever run: a function that replaces another, a
// callback, or something new that another unit of the patch can refer to.
func (r *Result) effective() bool {
	return len(r.Callbacks) > 0 ||
		slices.ContainsFunc(r.Functions, func(f *Function) bool { return f.Patch || f.Old == nil && f.New.Global() }) ||
		slices.ContainsFunc(r.Data, func(d *DataItem) bool { return d.Status == report.StatusNew && d.New.Global() })
}

// contents returns the included atoms, the entries and alternatives of included functions, and the
// sections that every module contains whole.
func (s *selection) contents() []*objmodel.Atom {
	var list []*objmodel.Atom
	for _, a := range s.patched.Atoms {
		included := s.reasons[a] != nil || a.Owner != nil && s.reasons[a.Owner] != nil
		if (included || a.Spec.Whole) && !s.dropped[a] {
			list = append(list, a)
		}
	}
	return list
}

func dataStatus(old *objmodel.Atom, t *reason) report.Status {
	switch {
	case old == nil:
		return report.StatusNew
	case t.change != nil:
		return report.StatusChanged
	}
	return report.StatusPrivate
}
