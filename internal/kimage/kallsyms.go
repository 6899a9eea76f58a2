package kimage

import (
	"slices"
	"strings"

	"kintsugi/internal/fault"
)

// The kallsyms tables have no symbols of their own in a stripped image, so
// they are found by their structure, from the one that cannot be mistaken
// outwards: the token index repeats the lengths of the 256 strings of the
// token table before it. The tables and their order, as scripts/kallsyms.c
// writes them, each aligned to 8 bytes:
//
//	to 6.1:  offsets relative_base num_syms names markers [seqs_of_names] token_table token_index
//	6.2:     num_syms names markers token_table token_index offsets relative_base seqs_of_names
//	7.0:     num_syms names markers token_table token_index offsets seqs_of_names
//
// where the last is aligned to 4 bytes, and each of its offsets is relative to
// its own address. Every table found is checked against the others; a kernel
// whose tables do not agree in all of it is refused.

const (
	// maxSymbols is far above any kernel (an allyesconfig has about a million)
	// and below what kallsyms_seqs_of_names can count (3 bytes).
	maxSymbols = 1 << 22
	// maxName is KSYM_NAME_LEN (include/linux/kallsyms.h).
	maxName = 512
	// maxNames bounds the sum of all names, in bytes.
	maxNames = 1 << 28
)

// readKallsyms finds the tables in one of the segments and decodes them.
func readKallsyms(segments []segment) ([]Symbol, error) {
	for i := range segments {
		for _, align := range []int{8, 4} {
			if symbols := findKallsyms(segments, &segments[i], align); symbols != nil {
				return symbols, nil
			}
		}
	}
	return nil, fault.Inputf("kernel image: no kallsyms tables").
		Hint("the kernel must be built with CONFIG_KALLSYMS=y, and its tables be in the order of Linux 5.10 or later")
}

func findKallsyms(segments []segment, s *segment, align int) []Symbol {
	if s.addr%uint64(align) != 0 {
		return nil
	}
	for tokens := range tokenTables(s.data, align) {
		names, ok := findNames(s.data, tokens, align)
		if !ok {
			continue
		}
		symbols := names.decode(tokens)
		for _, order := range orders {
			if order.align == align && order.fill(symbols, s, tokens, names) && plausible(symbols, segments) {
				return symbols
			}
		}
	}
	return nil
}

// plausible reports whether symbols ascend, and the kernel's start is where
// the image has code.
func plausible(symbols []Symbol, segments []segment) bool {
	ascending := slices.IsSortedFunc(symbols, func(a, b Symbol) int {
		if a.Addr < b.Addr {
			return -1
		}
		return 1
	})
	start := slices.IndexFunc(symbols, func(s Symbol) bool { return s.Name == "_text" || s.Name == "_stext" })
	return ascending && start >= 0 && slices.ContainsFunc(segments, func(s segment) bool {
		return s.from(symbols[start].Addr) != nil
	})
}

// nameTable is kallsyms_names with what was learned while walking it.
type nameTable struct {
	start int // offset of kallsyms_num_syms
	data  []byte
	count int
	size  int // sum of the expanded names, with their type letters
}

// decode expands all names. Addresses are still missing.
func (t nameTable) decode(tokens *tokenTable) []Symbol {
	var all strings.Builder
	all.Grow(t.size)
	ends := make([]int32, 0, t.count)
	for data := t.data; len(ends) < t.count; {
		name, rest, _ := cutName(data)
		for _, b := range name {
			all.WriteString(tokens.token[b])
		}
		ends = append(ends, int32(all.Len()))
		data = rest
	}
	symbols := make([]Symbol, t.count)
	text, start := all.String(), int32(0)
	for i, end := range ends {
		symbols[i] = Symbol{Type: text[start], Name: text[start+1 : end]}
		start = end
	}
	return symbols
}

// cutName splits the first compressed name off data. Its length is one byte,
// or since 6.1 two with 7 bits each where the first has its top bit set
// (kallsyms_expand_symbol, kernel/kallsyms.c).
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
