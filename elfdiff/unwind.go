package elfdiff

import (
	"debug/elf"
	"slices"
	"sort"

	"kintsugi/internal/elfobj"
)

// completeUnwinding makes every function's unwind entries stand alone.
// objtool writes an entry where the way to unwind changes, over a whole
// section (orc_create, tools/objtool/orc_gen.c). Of several functions in one
// section, one can go on with the last entry of the function before it, and
// only the last has the entry that says where code ends. Both are added.
func (o *Object) completeUnwinding() {
	ips := o.File.Section(".orc_unwind_ip")
	if ips == nil {
		return
	}
	table := unwindTable{obj: o, bySection: map[*elfobj.Section][]*Atom{}, beside: map[*Atom]*Atom{}}
	leaders, followers := o.bySection[ips], o.bySection[o.File.Section(".orc_unwind")]
	if len(leaders) != len(followers) {
		return
	}
	for i, l := range leaders {
		if len(l.Refs) == 1 && l.Refs[0].Atom != nil {
			sec := l.Refs[0].Atom.Section
			table.bySection[sec] = append(table.bySection[sec], l)
			table.beside[l] = followers[i]
		}
	}
	for sec, list := range table.bySection {
		sort.SliceStable(list, func(i, j int) bool { return ipOf(list[i]) < ipOf(list[j]) })
		table.bySection[sec] = list
	}
	for _, sec := range o.File.Sections {
		if sec.Flags&elf.SHF_EXECINSTR != 0 && len(o.bySection[sec]) > 1 {
			table.complete(sec)
		}
	}
	o.Atoms = append(append(o.Atoms, table.leaders...), table.followers...)
}

// unwindTable is .orc_unwind_ip with .orc_unwind beside it.
type unwindTable struct {
	obj                *Object
	bySection          map[*elfobj.Section][]*Atom // entries of .orc_unwind_ip, by address
	beside             map[*Atom]*Atom             // the entry of .orc_unwind that goes with one of .orc_unwind_ip
	leaders, followers []*Atom                     // what was added
}

// ipOf is where in its section an entry begins to hold.
func ipOf(leader *Atom) int64 {
	return int64(leader.Refs[0].Atom.Off) + leader.Refs[0].Addend
}

func (t *unwindTable) complete(sec *elfobj.Section) {
	list := t.bySection[sec]
	for _, a := range t.obj.bySection[sec] {
		if a.Kind != Func || len(list) == 0 {
			continue
		}
		// The last entry at or before the function, and whether one is at its end.
		n := sort.Search(len(list), func(i int) bool { return ipOf(list[i]) > int64(a.Off) })
		if n > 0 && ipOf(list[n-1]) < int64(a.Off) {
			t.add(a, list[n-1], 0, slices.Clone(t.beside[list[n-1]].Bytes()))
		}
		end := int64(a.Off + a.Size)
		m := sort.Search(len(list), func(i int) bool { return ipOf(list[i]) >= end })
		if m == len(list) || ipOf(list[m]) != end || list[m].Refs[0].Atom != a {
			t.add(a, list[0], int64(a.Size), make([]byte, t.beside[list[0]].Size))
		}
	}
}

// add gives a an entry at its offset off: the fields of like, and orc.
func (t *unwindTable) add(a, like *Atom, off int64, orc []byte) {
	l, f := *like, *t.beside[like]
	ref := like.Refs[0]
	ref.Atom, ref.Addend = a, off
	l.Refs, l.Owner, l.users, l.twin = []Ref{ref}, a, nil, nil
	f.code, f.Owner, f.users, f.twin = orc, a, nil, nil
	l.order = len(t.obj.Atoms) + len(t.leaders)
	f.order = l.order
	t.leaders, t.followers = append(t.leaders, &l), append(t.followers, &f)
	a.Entries = append(a.Entries, &l, &f)
}
