package objmodel

import (
	"slices"

	"kintsugi/internal/arch"
	"kintsugi/internal/elfobj"
)

// readCode decodes the instructions of a once. For every relocated field it records the distance to
// the end of the instruction, and whether the instruction is a branch. It returns the references
// that have no relocation: direct branches and PC-relative addresses from one function to another
// in the same section. The assembler resolves these itself, in sections such as .sched.text and in
// all objects that were compiled without -ffunction-sections. They become references like all
// others, and their fields become zero, so that code is compared and moved by its targets.
func (o *Object) readCode(a *Atom, fields []Ref) (unrelocated []Ref) {
	code := a.Bytes()
	alone := a.Kind != Func || len(o.bySection[a.Section]) < 2
	for pos, end := 0, 0; pos < len(code) && (len(fields) > 0 || !alone); pos = end {
		in := o.Arch.Code.Decode(code[pos:])
		if in.Size == 0 {
			a.Undecodable = true
			break
		}
		end = pos + int(in.Size)
		relocated := alone || in.RelativeSize == 0
		for ; len(fields) > 0 && fields[0].Off < uint64(end); fields = fields[1:] {
			relocated = relocated || fields[0].Off == uint64(pos+int(in.Relative))
			o.inside(&fields[0], in, end)
		}
		if !relocated {
			unrelocated = o.appendUnrelocated(unrelocated, a, code, in, pos)
		}
	}
	for i := range fields {
		o.inside(&fields[i], arch.Insn{}, 0)
	}
	return unrelocated
}

// inside gives a PC-relative field its bias in an instruction that ends at end. If the code cannot
// be decoded, the field is assumed to end the instruction, as it does in every instruction without
// an immediate.
func (o *Object) inside(field *Ref, in arch.Insn, end int) {
	kind := o.relocs[field.Type]
	if !kind.PCRel {
		return
	}
	if field.Off+uint64(kind.Size) > uint64(end) {
		field.Bias = -int8(kind.Size)
		return
	}
	field.Bias, field.Branch = int8(int64(field.Off)-int64(end)), in.Branch // an instruction has 15 bytes at most
}

// appendUnrelocated appends the reference of an instruction of a at pos whose relative field has no
// relocation, if its target is outside a.
func (o *Object) appendUnrelocated(list []Ref, a *Atom, code []byte, in arch.Insn, pos int) []Ref {
	target := in.Target(code, pos)
	if target >= 0 && target < int64(a.Size) {
		return list
	}
	field := pos + int(in.Relative)
	ref := Ref{Off: uint64(field), Bias: int8(in.Relative) - int8(in.Size), Branch: in.Branch, Type: o.Arch.Code.Near}
	if in.RelativeSize == 1 {
		ref.Type, a.ShortBranch = o.Arch.Code.Short, true
	}
	if !o.resolveUnrelocated(&ref, a, target) {
		return list
	}
	if a.code == nil {
		a.code = slices.Clone(code)
	}
	clear(a.code[field : field+int(in.RelativeSize)])
	return append(list, ref)
}

// resolveUnrelocated makes ref point at target, counted from the start of a, in a's section.
func (o *Object) resolveUnrelocated(ref *Ref, a *Atom, target int64) bool {
	pos := int64(a.Off) + target
	if pos < 0 || pos >= int64(a.Section.Len()) {
		a.Undecodable = true // not code of a compiler
		return false
	}
	ref.Atom = o.find(a.Section, pos)
	if ref.Atom == nil || ref.Atom == a {
		return false
	}
	ref.Addend = pos - int64(ref.Atom.Off)
	a.refersUnnamed = a.refersUnnamed || ref.Atom.Kind == Anon
	return true
}

// StrayBranches returns the functions of an object that have a direct branch without a relocation
// to a place outside their section. Such code was moved without its target.
func StrayBranches(f *elfobj.File) ([]string, error) {
	o, err := Load(f)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, a := range o.Functions() {
		if o.Arch.Code.Decode != nil && o.branchesOutside(a) {
			names = append(names, a.Name)
		}
	}
	return names, nil
}

// branchesOutside reports whether a has a direct branch without a relocation to a place
// outside its section.
func (o *Object) branchesOutside(a *Atom) bool {
	relocated := map[uint64]bool{}
	for _, r := range a.Refs {
		relocated[r.Off] = true
	}
	code := a.Bytes()
	for pos := 0; pos < len(code); {
		in := o.Arch.Code.Decode(code[pos:])
		if in.Size == 0 {
			return false
		}
		if in.RelativeSize > 0 && !relocated[uint64(pos+int(in.Relative))] {
			target := int64(a.Off) + in.Target(code, pos)
			if target < 0 || target >= int64(a.Section.Len()) {
				return true
			}
		}
		pos += int(in.Size)
	}
	return false
}
