package objmodel

import "slices"

// EntryPadding returns the number of bytes that the compiler has left before the function's entry,
// for the kernel to write code to (call thunks with CONFIG_CALL_PADDING, kCFI, ftrace on arm64).
// The function's entry in __patchable_function_entries (-fpatchable-function-entry=N,M) marks their
// start.
func (a *Atom) EntryPadding() uint64 {
	for _, e := range a.Entries {
		if e.Section.Name != "__patchable_function_entries" || len(e.Refs) == 0 || e.Refs[0].Atom != a {
			continue
		}
		if before := -e.Refs[0].Addend; before > 0 && uint64(before) <= a.Off {
			return uint64(before)
		}
	}
	return 0
}

// BytesWithPadding returns the contents of the function with its padding.
func (a *Atom) BytesWithPadding() []byte {
	if pad := a.EntryPadding(); pad > 0 && a.Off <= uint64(len(a.Section.Data)) {
		return slices.Concat(a.Section.Data[a.Off-pad:a.Off], a.Bytes())
	}
	return a.Bytes()
}

// UnwindsPadding returns how many bytes before the target of r the entry a of an unwind table
// becomes valid. A call thunk runs in the padding of its function, with the same stack as at the
// entry (add_prefix_symbol, tools/objtool/check.c).
func (a *Atom) UnwindsPadding(r *Ref) uint64 {
	if a.Spec == nil || a.Spec.Parallel == "" || r.Atom == nil || r.Addend != 0 {
		return 0
	}
	return r.Atom.EntryPadding()
}
