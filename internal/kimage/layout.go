package kimage

import "encoding/binary"

var le = binary.LittleEndian

// findNames finds kallsyms_num_syms, kallsyms_names and kallsyms_markers before a token table in s.
// It returns nil if they are not there.
func findNames(s *segment, align int) *nameTable {
	if s.addr%uint64(align) != 0 {
		return nil
	}
	w := walker{segment: s, align: align, steps: 8 * len(s.data)}
	for tokens := range tokenTables(s.data, align) {
		w.tokens = tokens
		if t := w.find(); t != nil {
			return t
		}
	}
	return nil
}

// walker follows compressed names. Its steps limit the work on hostile input that looks
// like many tables.
type walker struct {
	segment *segment
	align   int
	tokens  *tokenTable
	steps   int
}

// find tries every possible place of num_syms, backwards. The number there determines the place of
// the markers. The markers end where the token table starts, or, in some 6.1 kernels, where
// kallsyms_seqs_of_names starts, which is between the two.
func (w *walker) find() *nameTable {
	data := w.segment.data
	for start := w.tokens.start - 2*w.align; start >= 0 && w.steps > 0; start -= w.align {
		w.steps--
		count := int(le.Uint32(data[start:]))
		if count < minSymbols || count > maxSymbols || w.align == 8 && le.Uint32(data[start+4:]) != 0 {
			continue
		}
		seqs := w.alignDown(w.tokens.start - 3*count)
		for _, end := range []int{w.tokens.start, seqs} {
			if t := w.walk(start, count, w.alignDown(end-4*markerCount(count))); t != nil {
				return t
			}
		}
	}
	return nil
}

func (w *walker) alignDown(n int) int { return n &^ (w.align - 1) }

// markerCount returns the length of kallsyms_markers. It has an offset for every 256th name.
func markerCount(count int) int { return (count + 255) / 256 }

// walk checks that count names lie between the num_syms at start and markers, and that the markers
// are their offsets.
func (w *walker) walk(start, count, markers int) *nameTable {
	data := w.segment.data
	names := start + w.align
	if markers < names+2*count {
		return nil
	}
	t := &nameTable{segment: w.segment, align: w.align, tokens: w.tokens, start: start, count: count,
		data: data[names:markers]}
	rest := t.data
	for i := range count {
		if i%256 == 0 && int(le.Uint32(data[markers+i/64:])) != len(t.data)-len(rest) {
			return nil
		}
		name, next, ok := cutName(rest)
		size := w.expandedSize(name)
		if !ok || size < 2 || size > maxName || w.steps < 0 {
			return nil
		}
		t.size += size
		rest = next
	}
	if len(rest) >= w.align || t.size > maxNames {
		return nil
	}
	return t
}

func (w *walker) expandedSize(name []byte) int {
	size := 0
	for _, b := range name {
		size += len(w.tokens.token[b])
	}
	w.steps -= len(name) + 1
	return size
}

// order is one of the orders of the tables. fill sets the addresses of symbols from the offsets
// that belong to t, and returns false if the offsets cannot be there.
type order struct {
	align int
	fill  func(symbols []Symbol, t *nameTable) bool
}

var orders = []order{{8, fillBefore}, {8, fillAfter}, {4, fillRelative}}

// fillBefore reads offsets and relative_base before num_syms.
func fillBefore(symbols []Symbol, t *nameTable) bool {
	base := t.start - 8
	return fillOffsets(symbols, t.segment.data, (base-4*len(symbols))&^7, base)
}

// fillAfter reads offsets and relative_base after token_index.
func fillAfter(symbols []Symbol, t *nameTable) bool {
	offsets := alignUp(t.tokens.end, 8)
	return fillOffsets(symbols, t.segment.data, offsets, alignUp(offsets+4*len(symbols), 8))
}

// fillRelative reads offsets after token_index. Each is relative to its own address.
func fillRelative(symbols []Symbol, t *nameTable) bool {
	data, offsets := t.segment.data, t.tokens.end
	if offsets+4*len(symbols) > len(data) {
		return false
	}
	for i := range symbols {
		at := offsets + 4*i
		symbols[i].Addr = t.segment.addr + uint64(at) + signExtend(le.Uint32(data[at:]))
	}
	return true
}

func signExtend(n uint32) uint64 { return uint64(int64(int32(n))) }

// fillOffsets sets addresses like kallsyms_sym_address (kernel/kallsyms.c). With
// CONFIG_KALLSYMS_ABSOLUTE_PERCPU, a negative offset counts down from the base minus one, and other
// offsets are absolute. Otherwise all offsets are unsigned and relative to the base. No kernel is
// larger than 2 GiB, so one negative offset identifies the first form.
func fillOffsets(symbols []Symbol, data []byte, offsets, base int) bool {
	if offsets < 0 || base < 0 || offsets+4*len(symbols) > len(data) || base+8 > len(data) {
		return false
	}
	relative := le.Uint64(data[base:])
	offset := func(i int) uint32 { return le.Uint32(data[offsets+4*i:]) }
	percpu := false
	for i := range symbols {
		percpu = percpu || int32(offset(i)) < 0
	}
	for i := range symbols {
		switch off := offset(i); {
		case !percpu:
			symbols[i].Addr = relative + uint64(off)
		case int32(off) >= 0:
			symbols[i].Addr = uint64(off)
		default:
			symbols[i].Addr = relative - 1 - signExtend(off)
		}
	}
	return true
}
