package kimage

import "sort"

// nameIndex finds symbols by name: first has the index of the first, and next that of the next
// symbol with the same name.
type nameIndex struct {
	first map[string]int32
	next  []int32 // 0: no more; no symbol is followed by index 0
}

func indexNames(symbols []Symbol) nameIndex {
	x := nameIndex{first: make(map[string]int32, len(symbols)), next: make([]int32, len(symbols))}
	for i := len(symbols) - 1; i >= 0; i-- {
		x.next[i] = x.first[symbols[i].Name]
		x.first[symbols[i].Name] = int32(i)
	}
	return x
}

// Lookup returns the indices in im.Symbols of all symbols called name, local and global, in table
// order. The n-th of them, counted from 1, has the livepatch position n (klp_find_callback,
// kernel/livepatch/core.c).
func (im *Image) Lookup(name string) []int {
	i, ok := im.byName.first[name]
	if !ok {
		return nil
	}
	found := []int{int(i)}
	for i = im.byName.next[i]; i != 0; i = im.byName.next[i] {
		found = append(found, int(i))
	}
	return found
}

// At returns the indices of all symbols whose address is addr, in table order.
func (im *Image) At(addr uint64) []int {
	var found []int
	for n := im.after(addr, false); n < len(im.Symbols) && im.Symbols[im.nth(n)].Addr == addr; n++ {
		found = append(found, im.nth(n))
	}
	return found
}

// nth returns the index of the n-th symbol by address.
func (im *Image) nth(n int) int {
	if im.byAddr == nil {
		return n
	}
	return int(im.byAddr[n])
}

// Containing returns the index of the symbol that contains addr: the last symbol in the same
// segment that starts at or before addr. If several have the same address, it is the first, as in
// the kernel (get_symbol_pos, kernel/kallsyms.c). Kallsyms have no sizes, so padding belongs to the
// symbol before it.
func (im *Image) Containing(addr uint64) (index int, ok bool) {
	n := im.after(addr, true) - 1
	s := im.segment(addr)
	if n < 0 || s == nil || !s.contains(im.Symbols[im.nth(n)].Addr) {
		return 0, false
	}
	return im.nth(im.after(im.Symbols[im.nth(n)].Addr, false)), true
}

// after returns the number, by address, of the first symbol at addr or above it. If above is set,
// the symbol must be above addr.
func (im *Image) after(addr uint64, above bool) int {
	return sort.Search(len(im.Symbols), func(n int) bool {
		at := im.Symbols[im.nth(n)].Addr
		return at > addr || !above && at == addr
	})
}
