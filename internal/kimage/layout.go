package kimage

import "encoding/binary"

var le = binary.LittleEndian

// findNames finds kallsyms_num_syms, kallsyms_names and kallsyms_markers,
// which end where the token table starts, or where kallsyms_seqs_of_names
// does that is between them in some 6.1 kernels. It goes backwards over every
// place where num_syms may be; a number there fixes where markers would be.
func findNames(data []byte, tokens *tokenTable, align int) (nameTable, bool) {
	w := walker{data: data, tokens: tokens, align: align, steps: 4 * len(data)}
	for start := tokens.start - 2*align; start >= 0 && w.steps > 0; start -= align {
		count := int(le.Uint32(data[start:]))
		if count == 0 || count > maxSymbols || align == 8 && le.Uint32(data[start+4:]) != 0 {
			continue
		}
		for _, end := range []int{tokens.start, (tokens.start - 3*count) &^ (align - 1)} {
			markers := (end - 4*markerCount(count)) &^ (align - 1)
			if t, ok := w.walk(start, count, markers); ok {
				return t, true
			}
		}
	}
	return nameTable{}, false
}

// markerCount is the length of kallsyms_markers: an offset into the names for
// every 256th.
func markerCount(count int) int { return (count + 255) / 256 }

// walker follows compressed names. Its steps bound the work on input that was
// made to look like many tables.
type walker struct {
	data   []byte
	tokens *tokenTable
	align  int
	steps  int
}

// walk checks that count names lie between the num_syms at start and markers,
// and that markers tells where.
func (w *walker) walk(start, count, markers int) (nameTable, bool) {
	names := start + w.align
	if markers < names+2*count {
		return nameTable{}, false
	}
	t := nameTable{start: start, count: count, data: w.data[names:markers]}
	rest := t.data
	for i := range count {
		if i%256 == 0 && int(le.Uint32(w.data[markers+i/64:])) != len(t.data)-len(rest) {
			return nameTable{}, false
		}
		name, next, ok := cutName(rest)
		size := w.expandedSize(name)
		if !ok || size < 2 || size > maxName || w.steps < 0 {
			return nameTable{}, false
		}
		t.size += size
		rest = next
	}
	return t, len(rest) < w.align && t.size <= maxNames
}

func (w *walker) expandedSize(name []byte) int {
	size := 0
	for _, b := range name {
		size += len(w.tokens.token[b])
	}
	w.steps -= len(name) + 1
	return size
}

// order is one of the orders of the tables, as far as addresses are concerned.
type order struct {
	align int
	fill  func(symbols []Symbol, s *segment, tokens *tokenTable, names nameTable) bool
}

var orders = []order{{8, fillBefore}, {8, fillAfter}, {4, fillRelative}}

// fillBefore sets the addresses from offsets and relative_base before num_syms.
func fillBefore(symbols []Symbol, s *segment, _ *tokenTable, names nameTable) bool {
	base := names.start - 8
	return fillOffsets(symbols, s.data, (base-4*len(symbols))&^7, base)
}

// fillAfter sets them from offsets and relative_base after token_index.
func fillAfter(symbols []Symbol, s *segment, tokens *tokenTable, _ nameTable) bool {
	offsets := alignUp(tokens.end, 8)
	return fillOffsets(symbols, s.data, offsets, alignUp(offsets+4*len(symbols), 8))
}

// fillRelative sets them from offsets after token_index, each relative to
// where it is.
func fillRelative(symbols []Symbol, s *segment, tokens *tokenTable, _ nameTable) bool {
	if tokens.end+4*len(symbols) > len(s.data) {
		return false
	}
	for i := range symbols {
		at := tokens.end + 4*i
		symbols[i].Addr = s.addr + uint64(at) + uint64(int64(int32(le.Uint32(s.data[at:]))))
	}
	return true
}

// fillOffsets sets addresses as kallsyms_sym_address (kernel/kallsyms.c) does.
// With CONFIG_KALLSYMS_ABSOLUTE_PERCPU a negative offset counts down from the
// base minus one and others are absolute; without, all are unsigned from the
// base. No x86 kernel is 2 GiB large, so a negative one tells which.
func fillOffsets(symbols []Symbol, data []byte, offsets, base int) bool {
	if offsets < 0 || base < 0 || offsets+4*len(symbols) > len(data) || base+8 > len(data) {
		return false
	}
	relative := le.Uint64(data[base:])
	percpu := false
	for i := range symbols {
		percpu = percpu || int32(le.Uint32(data[offsets+4*i:])) < 0
	}
	for i := range symbols {
		off := int32(le.Uint32(data[offsets+4*i:]))
		switch {
		case !percpu:
			symbols[i].Addr = relative + uint64(uint32(off))
		case off >= 0:
			symbols[i].Addr = uint64(off)
		default:
			symbols[i].Addr = relative - 1 - uint64(int64(off))
		}
	}
	return true
}
