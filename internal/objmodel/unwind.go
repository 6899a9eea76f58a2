package objmodel

import (
	"cmp"
	"debug/elf"
	"fmt"
	"slices"

	"kintsugi/internal/arch"
	"kintsugi/internal/elfobj"
)

// attachUnwinding gives every function its unwind entries: one atom with all its entries of
// .orc_unwind_ip, which contain the place from which each is valid, and one with those of
// .orc_unwind beside it. An object has more unwind entries than anything else.
//
// objtool writes an entry where the way to unwind changes, over a whole section (orc_create,
// tools/objtool/orc_gen.c). If several functions share a section, a function can begin with the
// last entry of the function before it, and only the last function has the entry that ends the
// code. Both are added, so that each function's entries are complete.
func (o *Object) attachUnwinding() error {
	for _, sec := range o.File.Sections {
		spec, _ := o.spec(sec.Name)
		beside := o.File.Section(spec.Parallel)
		if spec.Parallel == "" || beside == nil || len(o.bySection[sec]) != 1 {
			continue
		}
		all := o.bySection[sec][0]
		t := unwindTable{spec: spec, ip: sec, orc: beside}
		if err := t.read(all); err != nil {
			return err
		}
		o.Atoms = slices.DeleteFunc(o.Atoms, func(a *Atom) bool { return a == all })
		t.attach(o)
	}
	return nil
}

// unwindTable is .orc_unwind_ip with .orc_unwind beside it.
type unwindTable struct {
	spec            *arch.Section
	ip, orc         *elfobj.Section
	ipSize, orcSize int   // bytes of an entry in each
	entries         []Ref // references of ip, in the order of the code; Off identifies the entry
}

// read splits the two sections into entries.
func (t *unwindTable) read(all *Atom) error {
	n := len(all.Refs)
	if n == 0 || len(t.ip.Data)%n != 0 || len(t.orc.Data)%n != 0 {
		return fmt.Errorf("section %s: %d bytes do not match the %d bytes and %d relocations of %s",
			t.orc.Name, len(t.orc.Data), len(t.ip.Data), n, t.ip.Name)
	}
	t.ipSize, t.orcSize, t.entries = len(t.ip.Data)/n, len(t.orc.Data)/n, all.Refs
	for i := range t.entries {
		if t.entries[i].Off != uint64(i*t.ipSize) {
			return fmt.Errorf("section %s: entry %d has no relocation", t.ip.Name, i)
		}
	}
	t.entries = byCode(t.entries)
	return nil
}

// byCode sorts entries in the order of their code. They come in sorted runs, one for each section
// of each object that the linker has joined.
func byCode(entries []Ref) []Ref {
	var runs [][]Ref
	from := 0
	for i := 1; i <= len(entries); i++ {
		if i == len(entries) || codeSection(&entries[i-1]) != codeSection(&entries[i]) ||
			codeOrder(&entries[i-1], &entries[i]) > 0 {
			runs = append(runs, entries[from:i])
			from = i
		}
	}
	if len(runs) < 2 {
		return entries
	}
	slices.SortStableFunc(runs, func(a, b []Ref) int { return codeOrder(&a[0], &b[0]) })
	entries = slices.Concat(runs...)
	order := func(a, b Ref) int { return codeOrder(&a, &b) }
	if !slices.IsSortedFunc(entries, order) {
		slices.SortStableFunc(entries, order)
	}
	return entries
}

func codeOrder(a, b *Ref) int {
	return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Addend, b.Addend))
}

// codeOf returns the atom whose code an entry is for, or nil.
func codeOf(entry *Ref) *Atom {
	if a := entry.Atom; a != nil && a.Section.Flags&elf.SHF_EXECINSTR != 0 {
		return a
	}
	return nil
}

func codeSection(entry *Ref) *elfobj.Section {
	if a := codeOf(entry); a != nil {
		return a.Section
	}
	return nil
}

// rank orders entries by their code. Entries without code are first.
func rank(entry *Ref) int {
	if a := codeOf(entry); a != nil {
		return a.Order
	}
	return -1
}

// attach makes the atoms of both sections, first those that belong to no code.
func (t *unwindTable) attach(o *Object) {
	var ips, orcs []*Atom
	read := 0
	for _, owner := range slices.Concat([]*Atom{nil}, o.Atoms) {
		from := read
		for read < len(t.entries) && codeOf(&t.entries[read]) == owner {
			read++
		}
		run := t.run(owner, read-from)
		if owner != nil && owner.Kind == Func && len(o.bySection[owner.Section]) > 1 {
			run.whole(t.entries[max(from-1, 0):from], t.entries[from:read])
		} else {
			run.own(t.entries[from:read])
		}
		if len(run.refs) > 0 {
			ip, orc := run.atoms()
			ips, orcs = append(ips, ip), append(orcs, orc)
		}
	}
	o.bySection[t.ip], o.bySection[t.orc] = ips, orcs
	for _, e := range slices.Concat(ips, orcs) {
		e.Order = len(o.Atoms)
		o.Atoms = append(o.Atoms, e)
	}
}

// unwindRun has the entries of one function.
type unwindRun struct {
	table   *unwindTable
	owner   *Atom
	refs    []Ref
	ip, orc []byte
}

// run returns a run with room for n entries of a function, and one at each end.
func (t *unwindTable) run(owner *Atom, n int) unwindRun {
	r := unwindRun{table: t, owner: owner}
	if n > 0 {
		n += 2
		r.refs, r.ip, r.orc = make([]Ref, 0, n), make([]byte, 0, n*t.ipSize), make([]byte, 0, n*t.orcSize)
	}
	return r
}

// whole adds the entries of a function that shares its section: its own, the entry before them if
// it is still valid at the function's start, and one for its end.
func (r *unwindRun) whole(before, own []Ref) {
	starts := len(own) > 0 && own[0].Addend <= 0
	if !starts && len(before) > 0 && before[0].Atom != nil && before[0].Atom.Section == r.owner.Section {
		r.add(&before[0], 0, r.table.orcOf(&before[0]))
	}
	r.own(own)
	end := int64(r.owner.Size)
	if len(r.refs) > 0 && !slices.ContainsFunc(own, func(e Ref) bool { return e.Addend == end }) {
		r.add(&r.refs[0], end, make([]byte, r.table.orcSize))
	}
}

func (r *unwindRun) own(entries []Ref) {
	for i := range entries {
		r.add(&entries[i], entries[i].Addend, r.table.orcOf(&entries[i]))
	}
}

// add adds a copy of the entry like, for the place at of the owner.
func (r *unwindRun) add(like *Ref, at int64, orc []byte) {
	ref := *like
	ref.Off, ref.Addend = uint64(len(r.ip)), at
	if r.owner != nil {
		ref.Atom = r.owner
	}
	r.refs = append(r.refs, ref)
	r.ip = append(r.ip, make([]byte, r.table.ipSize)...) // the contents are only the relocation
	r.orc = append(r.orc, orc...)
}

// orcOf returns the part of an entry in .orc_unwind.
func (t *unwindTable) orcOf(entry *Ref) []byte {
	i := int(entry.Off) / t.ipSize * t.orcSize
	return t.orc.Data[i : i+t.orcSize]
}

// atoms returns the entries as one atom of each section.
func (r *unwindRun) atoms() (ip, orc *Atom) {
	pair := [2]Atom{
		{Section: r.table.ip, Size: uint64(len(r.ip)), Refs: r.refs, code: r.ip},
		{Section: r.table.orc, Size: uint64(len(r.orc)), code: r.orc},
	}
	for i := range pair {
		a := &pair[i]
		a.Kind, a.Spec, a.Owner = Entry, r.table.spec, r.owner
		if r.owner != nil {
			r.owner.Entries = append(r.owner.Entries, a)
		}
	}
	return &pair[0], &pair[1]
}
