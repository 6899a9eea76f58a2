package compile

import (
	"bytes"

	"kintsugi/internal/debuginfo"
	"kintsugi/internal/elfobj"
	"kintsugi/kbuild"
)

// sameCodePair returns a pair of objects with equal code if the type of an export changes for
// callers: for example, a constant of an enum that the code only passes on has another value.
// Otherwise it returns nil. It also returns the pair if the types cannot be read.
func sameCodePair(u *kbuild.Unit, before, after []byte) *kbuild.Pair {
	if !u.Types || !mayExport(before) {
		return nil
	}
	original, err := elfobj.Read(before)
	if err != nil {
		return nil
	}
	patched, err := elfobj.Read(after)
	if err != nil {
		return nil
	}
	changes, err := debuginfo.ChangedPrototypes(original, patched, func(string) bool { return true })
	if err == nil && len(changes) == 0 {
		return nil
	}
	return &kbuild.Pair{Unit: *u, Original: before, Patched: after, SameCode: true}
}

// mayExport reports whether an object may contain an EXPORT_SYMBOL. It searches for the names of
// the sections that EXPORT_SYMBOL creates (include/linux/export.h).
func mayExport(object []byte) bool {
	return bytes.Contains(object, []byte("ksymtab")) || bytes.Contains(object, []byte(".export_symbol"))
}
