package klp

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"kintsugi/elfdiff"
	"kintsugi/internal/diag"
	"kintsugi/internal/kimage"
	"kintsugi/internal/report"
)

// With indirect branch tracking (CONFIG_X86_KERNEL_IBT) the CPU wants an
// ENDBR instruction where an indirect branch goes. Compilers leave it out of
// static functions that nothing has a pointer to. Of all others objtool lists
// those that the linked kernel, or module, has no pointer to, and the kernel
// overwrites their ENDBR when it boots, or loads the module
// (apply_seal_endbr, arch/x86/kernel/alternative.c).
const (
	sealStart   = "__ibt_endbr_seal"
	sealEnd     = "__ibt_endbr_seal_end"
	sealSection = ".ibt_endbr_seal"
	sealEntry   = 4 // s32, counted from itself
)

var endbr64 = []byte{0xf3, 0x0f, 0x1e, 0xfa}

// checkSealed refuses a new pointer to a function that no indirect branch can
// go to.
func (k *Kernel) checkSealed(e *elfdiff.External, ref *report.Reference) *report.Diagnostic {
	if e.TakenBy == "" || len(k.Image.Lookup(sealStart)) == 0 || isMark(ref.Symbol) {
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
	reason := "it has no ENDBR instruction at its entry"
	code, err := owner.Image.Bytes(s.Addr, uint64(len(endbr64)))
	if err == nil && bytes.Equal(code, endbr64) {
		if !owner.seals(s.Addr) {
			return nil
		}
		reason = "the kernel overwrites the ENDBR instruction at its entry, as nothing has a pointer to it"
	}
	return &report.Diagnostic{Code: diag.SealedFunction, Severity: diag.Error, Symbol: s.Name,
		Message: fmt.Sprintf("%s has a pointer to %s, which cannot be called through one: %s", elfdiff.StableName(e.TakenBy), s.Name, reason),
		Hint:    "Call it directly, or point to a new function that does."}
}

// isCode reports whether nm's letter stands for a function.
func isCode(letter byte) bool { return strings.IndexByte("tTwW", letter) >= 0 }

// isMark reports whether a symbol of code only tells where a part of the
// kernel begins or ends (include/asm-generic/sections.h).
func isMark(name string) bool {
	switch name {
	case "_text", "_stext", "_etext", "_sinittext", "_einittext":
		return true
	}
	return strings.HasPrefix(name, "__") && (strings.HasSuffix(name, "_text_start") || strings.HasSuffix(name, "_text_end"))
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

// seals reports whether addr is in the list of entries that are overwritten.
// One that cannot be read can have any.
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

// sealList is where the list is, and what is in it.
func (o *Owner) sealList() (start uint64, list []byte, ok bool) {
	if o.Name != Vmlinux {
		return o.Image.SectionAddr(sealSection), o.Image.Section(sealSection), true
	}
	begin, end := o.Image.Lookup(sealStart), o.Image.Lookup(sealEnd)
	if len(begin) != 1 || len(end) != 1 {
		return 0, nil, false
	}
	start = o.Image.Symbols[begin[0]].Addr
	list, err := o.Image.Bytes(start, o.Image.Symbols[end[0]].Addr-start)
	return start, list, err == nil
}
