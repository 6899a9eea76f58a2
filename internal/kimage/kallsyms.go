package kimage

import (
	"cmp"
	"slices"
	"strings"

	"kintsugi/internal/fault"
)

// The kallsyms tables have no symbols of their own in a stripped image, so they are found by their
// structure. The search begins with the table that cannot be mistaken: the token index repeats the
// lengths of the 256 strings of the token table before it. scripts/kallsyms.c writes the tables in
// these orders, each aligned to 8 bytes:
//
//	to 6.1:  offsets relative_base num_syms names markers [seqs_of_names] token_table token_index
//	6.2:     num_syms names markers token_table token_index offsets relative_base seqs_of_names
//	newest:  num_syms names markers token_table token_index offsets seqs_of_names
//
// The newest aligns to 4 bytes, and each offset is relative to its own address. Every table is
// checked against the others. A kernel whose tables do not agree is refused.

const (
	// minSymbols is below any kernel (a tinyconfig has some thousands). It is large enough that
	// markers distinguish a table from bytes that look like one.
	minSymbols = 1000
	// maxSymbols is far above any kernel (an allyesconfig has about a million), and below what
	// kallsyms_seqs_of_names can count (3 bytes).
	maxSymbols = 1 << 21
	// maxName is KSYM_NAME_LEN (include/linux/kallsyms.h).
	maxName = 512
	// maxNames limits the sum of all names, in bytes; Debian's have 4 MiB.
	maxNames = 1 << 26
)

// readKallsyms finds the tables in one of the segments and decodes them.
func readKallsyms(segments []segment) ([]Symbol, error) {
	for i := range segments {
		for _, align := range []int{8, 4} {
			if names := findNames(&segments[i], align); names != nil {
				return names.symbols(segments)
			}
		}
	}
	return nil, fault.Inputf("kernel image: no kallsyms tables").
		Hint("the kernel must be built with CONFIG_KALLSYMS=y, in Linux 5.10 or later")
}

// symbols decodes the names and finds their addresses.
func (t *nameTable) symbols(segments []segment) ([]Symbol, error) {
	symbols := t.decode()
	for _, o := range orders {
		if o.align == t.align && o.fill(symbols, t) && plausible(symbols, segments) {
			return symbols, nil
		}
	}
	return nil, fault.Inputf("kernel image: kallsyms have %d names but no addresses that fit them", t.count).
		Hint("the order of the tables is unknown; please report the version of the kernel")
}

// plausible reports whether symbols ascend, and the kernel's start is where
// the image has code.
func plausible(symbols []Symbol, segments []segment) bool {
	ascending := slices.IsSortedFunc(symbols, func(a, b Symbol) int { return cmp.Compare(a.Addr, b.Addr) })
	start := slices.IndexFunc(symbols, func(s Symbol) bool { return s.Name == "_text" || s.Name == "_stext" })
	return ascending && start >= 0 && slices.ContainsFunc(segments, func(s segment) bool {
		return s.from(symbols[start].Addr) != nil
	})
}

// nameTable is kallsyms_names, with where it was found and what was learned
// while walking it.
type nameTable struct {
	segment *segment
	align   int
	tokens  *tokenTable
	start   int    // offset of kallsyms_num_syms in the segment
	data    []byte // kallsyms_names, and padding before the next table
	count   int
	size    int // sum of the expanded names, with their type letters
}

// decode expands all names into one backing string. It does not set addresses.
func (t *nameTable) decode() []Symbol {
	var all strings.Builder
	all.Grow(t.size)
	ends := make([]int32, t.count)
	rest := t.data
	for i := range ends {
		var name []byte
		name, rest, _ = cutName(rest)
		for _, b := range name {
			all.WriteString(t.tokens.token[b])
		}
		ends[i] = int32(all.Len())
	}
	symbols := make([]Symbol, t.count)
	text, start := all.String(), int32(0)
	for i, end := range ends {
		symbols[i] = Symbol{Type: text[start], Name: text[start+1 : end]}
		start = end
	}
	return symbols
}

// cutName splits the first compressed name off data. Its length is one byte. Since 6.1, it is two
// with 7 bits each if the top bit of the first is set (kallsyms_expand_symbol, kernel/kallsyms.c).
func cutName(data []byte) (name, rest []byte, ok bool) {
	if len(data) < 2 {
		return nil, nil, false
	}
	n, head := int(data[0]), 1
	if n&0x80 != 0 {
		n, head = n&0x7f|int(data[1])<<7, 2
	}
	if n == 0 || head+n > len(data) {
		return nil, nil, false
	}
	return data[head : head+n], data[head+n:], true
}
