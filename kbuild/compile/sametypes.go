package compile

import (
	"bytes"

	"kintsugi/internal/debuginfo"
	"kintsugi/internal/elfobj"
	"kintsugi/kbuild"
)

// sameCodePair returns a pair of objects with the same code if callers of one
// would call the other in another way: a constant of an enum that the code hands on has
// another value, for one. Else it returns nil. Objects whose types cannot be read are
// returned too.
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

// mayExport reports whether an object can have an EXPORT_SYMBOL, by the names of
// the sections that it makes (include/linux/export.h).
func mayExport(object []byte) bool {
	return bytes.Contains(object, []byte("ksymtab")) || bytes.Contains(object, []byte(".export_symbol"))
}
