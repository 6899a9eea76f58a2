package klp

import (
	"encoding/binary"
	"slices"
)

// traced reports whether the function at addr is in o's table of ftrace sites
// (ftrace_location, kernel/trace/ftrace.c): at its entry, or behind the landing
// pad there. If the table is not readable, assume that every function is traced.
func (o *Owner) traced(addr uint64) bool {
	o.readSites.Do(func() { o.sites = ftraceSites(o) })
	if o.sites == nil {
		return true
	}
	for _, distance := range o.kernel.Arch().Entry.FtraceSites {
		if _, ok := slices.BinarySearch(o.sites, addr+distance); ok {
			return true
		}
	}
	return false
}

// ftraceSites is __mcount_loc of o in ascending order, nil if it is not readable.
func ftraceSites(o *Owner) []uint64 {
	if !o.kernel.Arch().Entry.SiteTable {
		return nil
	}
	table := o.Image.Section("__mcount_loc")
	if o.Name == Vmlinux {
		table = mcountTable(o)
	}
	sites := make([]uint64, 0, len(table)/8)
	for ; len(table) >= 8; table = table[8:] {
		sites = append(sites, binary.LittleEndian.Uint64(table))
	}
	slices.Sort(sites)
	if o.Name != Vmlinux {
		return sites // a module without the section has no function with a site
	}
	if text, ok := address(o.Image, "_text"); !ok || len(sites) == 0 || sites[len(sites)-1] < text {
		return nil // the kernel fills in the table when it starts
	}
	return sites
}

// mcountTable returns the bytes between the two symbols of the linker script.
func mcountTable(o *Owner) []byte {
	begin, ok1 := address(o.Image, "__start_mcount_loc")
	end, ok2 := address(o.Image, "__stop_mcount_loc")
	if !ok1 || !ok2 || end < begin {
		return nil
	}
	table, err := o.Image.Bytes(begin, end-begin)
	if err != nil {
		return nil
	}
	return table
}
