package elfdiff

import (
	"debug/elf"
	"slices"
	"sort"

	"kintsugi/internal/elfobj"
)

// resolveBranches finds the direct branches, and the addresses relative to the
// instruction pointer, by which one function refers to another of the same
// section. The assembler resolves those itself and leaves no
// relocation (functions in .sched.text and its like, all functions of an
// object that was compiled without -ffunction-sections). They become
// references like all others, and their fields zero, so that code is compared
// and moved by what it branches to.
func (o *Object) resolveBranches() {
	if o.arch.relative == nil {
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
	found := false
	decoded := o.eachRelative(a, func(f relativeField) {
		if f.target >= 0 && f.target < int64(a.Size) {
			return
		}
		ref := Ref{Off: uint64(f.off), Bias: int64(f.off - f.end), Branch: f.branch, Type: o.arch.near}
		if f.size == 1 {
			ref.Type, a.short = o.arch.short, true
		}
		if o.aimAt(&ref, a, f.target) {
			if !found {
				a.code, found = slices.Clone(code), true
			}
			clear(a.code[f.off : f.off+f.size])
			a.Refs = append(a.Refs, ref)
		}
	})
	if !decoded {
		a.lost = true
	}
	if found {
		sort.Slice(a.Refs, func(i, j int) bool { return a.Refs[i].Off < a.Refs[j].Off })
	}
}

// relativeField is a field that counts from the next instruction. Places are
// counted from the start of the function.
type relativeField struct {
	off, size int
	end       int // of the instruction
	branch    bool
	target    int64
}

// eachRelative visits the fields of a that count from the next instruction and
// have no relocation. It ends with false at what cannot be decoded.
func (o *Object) eachRelative(a *Atom, visit func(relativeField)) bool {
	code := a.Bytes()
	relocated := map[uint64]bool{}
	for _, r := range a.Refs {
		relocated[r.Off] = true
	}
	for pos := 0; pos < len(code); {
		n, _ := o.arch.insn(code[pos:])
		if n == 0 {
			return false
		}
		pos += n
		off, size, branch := o.arch.relative(code[pos-n : pos])
		field := pos - n + off
		if size == 0 || relocated[uint64(field)] {
			continue
		}
		visit(relativeField{off: field, size: size, end: pos, branch: branch,
			target: int64(pos) + displacement(code[field:field+size])})
	}
	return true
}

// aimAt makes ref point at target, counted from the start of a, in a's section.
func (o *Object) aimAt(ref *Ref, a *Atom, target int64) bool {
	pos := int64(a.Off) + target
	if pos < 0 || pos >= int64(a.Section.Len()) {
		a.lost = true // no code that a compiler made
		return false
	}
	ref.Atom = o.find(a.Section, pos)
	if ref.Atom == nil || ref.Atom == a {
		return false
	}
	ref.Addend = pos - int64(ref.Atom.Off)
	return true
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
		if o.arch.relative != nil && o.strays(a) {
			names = append(names, a.Name)
		}
	}
	return names, nil
}

func (o *Object) strays(a *Atom) bool {
	stray := false
	o.eachRelative(a, func(f relativeField) {
		target := int64(a.Off) + f.target
		stray = stray || target < 0 || target >= int64(a.Section.Len())
	})
	return stray
}

// x86Relative finds the field of insn that counts from the next instruction:
// the displacement of a near (4 bytes) or short (1) branch, or that of a
// memory operand relative to the instruction pointer. size is 0 where there is none.
func x86Relative(insn []byte) (off, size int, branch bool) {
	d := x86Decoder{code: insn}
	if d.decode() == 0 {
		return 0, 0, false
	}
	switch {
	case d.rip:
		return d.disp, 4, false
	case !d.branch:
		return 0, 0, false
	case d.near:
		return len(insn) - 4, 4, true
	}
	return len(insn) - 1, 1, true
}
