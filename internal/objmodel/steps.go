package objmodel

import "kintsugi/internal/arch"

// Step is one instruction of a function.
type Step struct {
	arch.Insn
	Off  uint64 // offset in the function
	Refs []Ref  // references in the instruction
	To   *Ref   // target of a direct branch out of the function, or to the function by name
	// ToOff is the offset in the function that a direct branch without To leads to.
	ToOff int64
}

// Steps returns the instructions of a, up to the first that cannot be decoded.
// The result is nil for a machine whose instructions kintsugi does not decode.
func (o *Object) Steps(a *Atom) []Step {
	if o.Arch.Code.Decode == nil {
		return nil
	}
	var steps []Step
	code, refs := a.Bytes(), a.Refs
	for pos := 0; pos < len(code); {
		in := o.Arch.Code.Decode(code[pos:])
		if in.Size == 0 {
			break
		}
		s := Step{Insn: in, Off: uint64(pos)}
		n := 0
		for n < len(refs) && refs[n].Off < s.Off+uint64(in.Size) {
			n++
		}
		s.Refs, refs = refs[:n], refs[n:]
		s.leads(code)
		steps = append(steps, s)
		pos += int(in.Size)
	}
	return steps
}

// leads finds the target of a direct branch.
func (s *Step) leads(code []byte) {
	if !s.Branch {
		return
	}
	for i := range s.Refs {
		if s.Refs[i].Off == s.Off+uint64(s.Relative) {
			s.To = &s.Refs[i]
			return
		}
	}
	s.ToOff = s.Target(code, int(s.Off))
}
