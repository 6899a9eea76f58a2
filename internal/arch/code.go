package arch

// Code is what is known of a machine's instructions.
type Code struct {
	// Decode reads the instruction that code begins with. It is nil if
	// relocations in code need no decoding, and assemblers leave all references
	// between functions to the linker.
	Decode func(code []byte) Insn
	// Unit is the size in bytes in which instructions are counted; 0 is 1.
	Unit int
	// Near and Short are the relocations of relative fields of 4 bytes and of 1.
	Near, Short uint32
	// RelaxGOT rewrites the instruction of a field that is relocated to an entry
	// of the global offset table into one that needs no table, if there is one.
	RelaxGOT func(code []byte, field *Field) bool
	// Branches reports whether the field at off is that of a direct branch, where
	// the type of a PC-relative relocation does not decide; nil if it does.
	Branches func(code []byte, off uint64) bool
	// Argument follows the address that the instruction at pos of code loads to the
	// call that gets it as an argument, and returns the field of that call. ok is false
	// if the code may do anything else with the address. nil: not known.
	Argument func(code []byte, pos uint64) (call uint64, ok bool)
	// Padding reports whether code is nothing but filler between functions.
	Padding func(code []byte) bool
	// Filler is the byte that fills the room between functions.
	Filler byte
	// LoadVariable rewrites the code whose number at off is that of a runtime
	// constant. The new code loads a variable from memory; field is what is to be
	// relocated in it. LoadVariable is nil if no such code is known.
	LoadVariable func(code []byte, off int64) (field Field, ok bool)
	// ReplacementLength is the length of the code that an entry of
	// .altinstructions replaces the original with.
	ReplacementLength func(entry []byte) byte
}

// Field is a relocated field of code.
type Field struct {
	Off    uint64 // from where the code begins
	Type   uint32 // of the relocation
	Bias   int8   // the distance from the instruction's end to the field: what is added to the addend
	Branch bool   // of a direct call or jump
}

// Insn is one instruction.
type Insn struct {
	Size   uint8 // bytes; 0: it cannot be decoded
	Branch bool  // a direct call or jump
	// Relative is where the field begins that counts from the next instruction,
	// RelativeSize how long it is; 0: there is none.
	Relative, RelativeSize uint8
	// Address is where the address of memory begins that the instruction reads or
	// writes; 0: there is none, or its value goes on (lea). Direct is true if
	// no register is added to it.
	Address uint8
	Direct  bool
	// Store is true for a plain write to memory at Address.
	Store bool
	Flow  Flow
}

// Flow is where a processor goes on after an instruction.
type Flow uint8

const (
	Next    Flow = iota // at the next instruction
	Call                // at the next instruction, after a function
	Jump                // at the target
	Fork                // at the next instruction or the target
	Equal               // Fork: at the target if the operands of the last comparison are equal, or its result is zero
	Unequal             // Fork: at the target if they are not
	Stop                // elsewhere: a return, a trap, a jump to where a register points
)

// Target is the place that the relative field of the instruction at pos of code
// leads to, counted from the start of code.
func (in *Insn) Target(code []byte, pos int) int64 {
	field := code[pos+int(in.Relative):]
	return int64(pos+int(in.Size)) + displacement(field[:in.RelativeSize])
}

// displacement is the signed field of a branch, little endian.
func displacement(field []byte) int64 {
	if len(field) == 1 {
		return int64(int8(field[0]))
	}
	return int64(int32(uint32(field[0]) | uint32(field[1])<<8 | uint32(field[2])<<16 | uint32(field[3])<<24))
}

// paddedWith returns the padding function of an architecture whose code is
// filled up with zeroes and any of the given instructions.
func paddedWith(fillers ...string) func([]byte) bool {
	return func(code []byte) bool {
		for len(code) > 0 {
			n := fillerLen(code, fillers)
			if n == 0 {
				return false
			}
			code = code[n:]
		}
		return true
	}
}

func fillerLen(code []byte, fillers []string) int {
	if code[0] == 0 {
		return 1
	}
	for _, f := range fillers {
		if len(code) >= len(f) && string(code[:len(f)]) == f {
			return len(f)
		}
	}
	return 0
}

// lastByte is the length of a replacement where an entry of .altinstructions
// ends with it.
func lastByte(entry []byte) byte { return entry[len(entry)-1] }
