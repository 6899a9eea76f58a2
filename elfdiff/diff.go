// Package elfdiff says what changed between two relocatable objects, function
// by function, and cuts out of the patched one an object that carries just
// that. It is pure: bytes in, values out.
package elfdiff

import (
	"fmt"
	"sort"
	"sync"

	"kintsugi/internal/diag"
	"kintsugi/internal/elfobj"
	"kintsugi/internal/report"
)

// Result is what changed between two objects.
type Result struct {
	Orig, Patched *Object
	Functions     []*Function
	Data          []*DataItem
	Removed       []string // functions that are in the original only
	Exports       []string // symbols that the patched object alone exports
	Callbacks     []Callback
	States        []State
	Diagnostics   []report.Diagnostic

	// Kernels is the unit as the kernel has it, where Orig is compiled in
	// another way; nil where it is Orig.
	Kernels *Object

	travels map[*Atom]*trip
	dropped map[*Atom]bool
}

// Function is one function that travels into the module.
type Function struct {
	Name   string
	Old    *Atom // nil: the function is new
	New    *Atom
	Cause  []report.Cause
	Patch  bool // replaces Old; false: only other functions of the module call it
	Change *Difference
}

// DataItem is one named data object that travels.
type DataItem struct {
	Name   string
	New    *Atom
	Status string // new, changed, private
}

// Refused reports whether something stands against a livepatch.
func (r *Result) Refused() bool {
	for _, d := range r.Diagnostics {
		if d.Severity == diag.Error {
			return true
		}
	}
	return false
}

// Empty reports whether nothing needs to travel.
func (r *Result) Empty() bool { return len(r.Functions) == 0 && len(r.Data) == 0 }

// Diff compares a pair of objects. The result says all that differs: each
// difference is in a function or data object that travels, or in a
// diagnostic.
func Diff(orig, patched *elfobj.File) (*Result, error) {
	if orig.Machine != patched.Machine {
		return nil, fmt.Errorf("objects of two machines: %v and %v", orig.Machine, patched.Machine)
	}
	var a, b *Object
	var errA, errB error
	var loading sync.WaitGroup
	loading.Go(func() { a, errA = Load(orig) })
	loading.Go(func() { b, errB = Load(patched) })
	loading.Wait()
	if errA != nil {
		return nil, fmt.Errorf("original object: %w", errA)
	}
	if errB != nil {
		return nil, fmt.Errorf("patched object: %w", errB)
	}
	return DiffObjects(a, b), nil
}

// DiffObjects is Diff for objects that are loaded already. It joins their
// atoms, so an Object can be part of one Diff only.
func DiffObjects(orig, patched *Object) *Result {
	s := newSelection(orig, patched)
	s.author()
	s.names()
	s.removals()
	s.functions()
	s.data()
	s.unowned()
	s.close()
	s.initCode()
	return s.result()
}

func (s *selection) result() *Result {
	r := s.res
	r.Orig, r.Patched, r.travels, r.dropped = s.orig, s.patched, s.trips, s.dropped
	for a, t := range s.trips {
		switch {
		case a.Kind == Func:
			f := &Function{Name: a.Name, Old: a.twin, New: a, Cause: t.cause, Patch: a.twin != nil && a.twin.Patchable(), Change: t.change}
			r.Functions = append(r.Functions, f)
		case a.Kind == Data:
			r.Data = append(r.Data, &DataItem{Name: a.Name, New: a, Status: dataStatus(a, t)})
		}
	}
	sort.Slice(r.Functions, func(i, j int) bool { return r.Functions[i].New.order < r.Functions[j].New.order })
	sort.Slice(r.Data, func(i, j int) bool { return r.Data[i].New.order < r.Data[j].New.order })
	for _, a := range s.orig.Atoms {
		if a.Kind == Func && a.twin == nil {
			r.Removed = append(r.Removed, a.Name)
		}
	}
	sort.Strings(r.Removed)
	return r
}

func dataStatus(a *Atom, t *trip) string {
	switch {
	case a.twin == nil:
		return "new"
	case t.change != nil:
		return "changed"
	}
	return "private"
}
