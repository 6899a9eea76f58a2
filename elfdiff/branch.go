package elfdiff

import (
	"debug/elf"
	"slices"
	"sort"

	"kintsugi/internal/elfobj"
)

// resolveBranches finds the direct branches from one function into another of
// the same section. The assembler resolves those itself and leaves no
// relocation (functions in .sched.text and its like, all functions of an
// object that was compiled without -ffunction-sections). They become
// references like all others, and their fields zero, so that code is compared
// and moved by what it branches to.
func (o *Object) resolveBranches() {
	if o.arch.branch == nil {
		return
	}
	for _, sec := range o.File.Sections {
		if sec.Flags&elf.SHF_EXECINSTR == 0 || len(o.bySection[sec]) < 2 {
			continue
		}
		for _, a := range o.bySection[sec] {
			if a.Kind == Func {
				o.resolveBranchesOf(a)
			}
		}
	}
}

func (o *Object) resolveBranchesOf(a *Atom) {
	code := a.Bytes()
	relocated := map[uint64]bool{}
	for _, r := range a.Refs {
		relocated[r.Off] = true
	}
	found := false
	for pos := 0; pos < len(code); {
		n, _ := o.arch.insn(code[pos:])
		if n == 0 {
			a.lost = true
			break
		}
		pos += n
		size := o.arch.branch(code[pos-n : pos])
		if size == 0 || relocated[uint64(pos-size)] {
			continue
		}
		target := int64(pos) + displacement(code[pos-size:pos])
		if target >= 0 && target < int64(a.Size) {
			continue
		}
		if ref, ok := o.branchRef(a, pos, size, target); ok {
			if !found {
				a.code, found = slices.Clone(code), true
			}
			clear(a.code[pos-size : pos])
			a.Refs = append(a.Refs, ref)
		}
	}
	if found {
		sort.Slice(a.Refs, func(i, j int) bool { return a.Refs[i].Off < a.Refs[j].Off })
	}
}

// branchRef is the reference of a branch whose field of size bytes ends at
// end, to target, both counted from the start of a.
func (o *Object) branchRef(a *Atom, end, size int, target int64) (Ref, bool) {
	pos := int64(a.Off) + target
	t := o.find(a.Section, pos)
	if pos < 0 || pos >= int64(a.Section.Len()) {
		a.lost = true // no code that a compiler made
		return Ref{}, false
	}
	if t == nil || t == a {
		return Ref{}, false
	}
	ref := Ref{Off: uint64(end - size), Atom: t, Addend: pos - int64(t.Off), Bias: -int64(size), Branch: true, Type: o.arch.near}
	if size == 1 {
		ref.Type, a.short = o.arch.short, true
	}
	return ref, true
}

// displacement is the signed field of a branch, little endian.
func displacement(field []byte) int64 {
	if len(field) == 1 {
		return int64(int8(field[0]))
	}
	return int64(int32(uint32(field[0]) | uint32(field[1])<<8 | uint32(field[2])<<16 | uint32(field[3])<<24))
}

// StrayBranches names the functions of an object that have a direct branch
// without a relocation to a place outside of their section: code that was
// moved without what it branches to.
func StrayBranches(f *elfobj.File) ([]string, error) {
	o, err := Load(f)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, a := range o.Functions() {
		if o.arch.branch != nil && o.strays(a) {
			names = append(names, a.Name)
		}
	}
	return names, nil
}

func (o *Object) strays(a *Atom) bool {
	relocated := map[uint64]bool{}
	for _, r := range a.Refs {
		relocated[r.Off] = true
	}
	code := a.Bytes()
	for pos := 0; pos < len(code); {
		n, _ := o.arch.insn(code[pos:])
		if n == 0 {
			return false
		}
		pos += n
		size := o.arch.branch(code[pos-n : pos])
		if size == 0 || relocated[uint64(pos-size)] {
			continue
		}
		target := int64(a.Off) + int64(pos) + displacement(code[pos-size:pos])
		if target < 0 || target >= int64(a.Section.Len()) {
			return true
		}
	}
	return false
}

// x86Branch is the size in bytes of the displacement that ends insn: 4 and 1
// for near and short branches, 0 for all other instructions.
func x86Branch(insn []byte) int {
	d := x86Decoder{code: insn}
	op, ok := d.prefixes()
	switch {
	case !ok:
		return 0
	case op == 0xe8, op == 0xe9:
		return 4
	case op == 0xeb, op&0xf0 == 0x70, op >= 0xe0 && op <= 0xe3:
		return 1
	case op == 0x0f:
		if second, ok := d.next(); ok && second&0xf0 == 0x80 {
			return 4
		}
	}
	return 0
}
