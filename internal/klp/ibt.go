package klp

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"kintsugi/internal/diag"
	"kintsugi/internal/extract"
	"kintsugi/internal/kimage"
	"kintsugi/internal/objmodel"
	"kintsugi/internal/report"
)

// With indirect branch tracking an indirect branch must end at a landing pad
// (ENDBR). Compilers omit it in static functions that nothing points to. objtool
// lists the other functions that nothing in the linked kernel or module points
// to, and the kernel overwrites their landing pads when it boots or loads the
// module (arch.SealedList).

// sealEntry is the size of an entry of the list: s32, counted from itself.
const sealEntry = 4

// checkSealed refuses a new pointer to a function that cannot be called through a
// pointer.
func (k *Kernel) checkSealed(e *extract.External, ref *report.Reference) *report.Diagnostic {
	machine := k.Arch()
	if e.TakenBy == "" || isMark(ref.Symbol) || !k.tracksBranches() {
		return nil
	}
	owner, err := k.Owner(ref.Object)
	if err != nil {
		return notProven(ref.Symbol, err.Error())
	}
	s, ok := owner.symbolOf(ref)
	if !ok || !isCode(s.Type) {
		return nil
	}
	pad := machine.Entry.LandingPad
	reason := "it has no ENDBR instruction at its entry"
	code, err := owner.Image.Bytes(s.Addr, uint64(len(pad)))
	if err == nil && bytes.Equal(code, pad) {
		if !owner.seals(s.Addr) {
			return nil
		}
		reason = "the kernel overwrites the ENDBR instruction at its entry, as nothing has a pointer to it"
	}
	return new(report.Found(report.Diagnostic{Code: diag.SealedFunction, Symbol: s.Name,
		Message: fmt.Sprintf("%s has a pointer to %s, which cannot be called through one: %s",
			objmodel.StableName(e.TakenBy), s.Name, reason),
		Hint: "Call it directly, or point to a new function that calls it."}))
}

// isCode reports whether a letter of nm means a function.
func isCode(letter byte) bool { return strings.IndexByte("tTwW", letter) >= 0 }

// tracksBranches reports whether the kernel was built with indirect branch
// tracking: it has a list of sealed functions.
func (k *Kernel) tracksBranches() bool {
	start := k.Arch().Entry.Sealed.Start
	return start != "" && len(k.Image.Lookup(start)) > 0
}

// isMark reports whether a symbol of code only marks the begin or end of a part
// of the kernel (include/asm-generic/sections.h).
func isMark(name string) bool {
	switch name {
	case "_text", "_stext", "_etext", "_sinittext", "_einittext":
		return true
	}
	return strings.HasPrefix(name, "__") &&
		(strings.HasSuffix(name, "_text_start") || strings.HasSuffix(name, "_text_end"))
}

// symbolOf is the symbol of o that ref names.
func (o *Owner) symbolOf(ref *report.Reference) (s kimage.Symbol, ok bool) {
	found := defined(o.table(), ref.Symbol)
	for n, i := range found {
		if s = o.Image.Symbols[i]; ref.SymPos == uint64(n+1) || ref.SymPos == 0 && (len(found) == 1 || global(s.Type)) {
			return s, true
		}
	}
	return s, false
}

// seals reports whether addr is in the list of sealed entries. If the list is
// unreadable, assume that every entry is sealed.
func (o *Owner) seals(addr uint64) bool {
	start, list, ok := o.sealList()
	for at := 0; at+sealEntry <= len(list); at += sealEntry {
		offset := int32(binary.LittleEndian.Uint32(list[at:]))
		if start+uint64(at)+uint64(int64(offset)) == addr {
			return true
		}
	}
	return !ok
}

// sealList returns the list and its address.
func (o *Owner) sealList() (start uint64, list []byte, ok bool) {
	sealed := o.kernel.Arch().Entry.Sealed
	if o.Name != Vmlinux {
		return o.Image.SectionAddr(sealed.Section), o.Image.Section(sealed.Section), true
	}
	begin, ok1 := address(o.Image, sealed.Start)
	end, ok2 := address(o.Image, sealed.End)
	if !ok1 || !ok2 {
		return 0, nil, false
	}
	list, err := o.Image.Bytes(begin, end-begin)
	return begin, list, err == nil
}
