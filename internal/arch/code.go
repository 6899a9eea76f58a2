package arch

// Code describes the machine's instructions.
type Code struct {
	// Decode reads the first instruction of code. It is nil if relocations in code need no
	// decoding, and if assemblers leave all references between functions to the linker.
	Decode func(code []byte) Insn
	// Unit is the granularity of instructions in bytes; 0 means 1.
	Unit int
	// Near and Short are the relocation types of relative fields of 4 bytes and of 1 byte.
	Near, Short uint32
	// RelaxGOT rewrites an instruction that reads an entry of the global offset table into one that
	// needs no table. It returns false if there is no such instruction.
	RelaxGOT func(code []byte, field *Field) bool
	// Branches reports whether the field at off belongs to a direct branch. It is nil if the type
	// of a PC-relative relocation decides this.
	Branches func(code []byte, off uint64) bool
	// Argument finds the call that gets an address as an argument. The instruction at pos of code
	// loads the address. call is the offset of the call's field, and arg is the number of the
	// argument, from 0. ok is false if the code may use the address in any other way. Argument is
	// nil if this cannot be found out.
	Argument func(code []byte, pos uint64) (call uint64, arg int, ok bool)
	// Stored returns the instructions that write the address that the instruction at pos of code
	// loads to memory other than the stack. The instruction at pos can be one of them. Stored is
	// nil if this cannot be found out.
	Stored func(code []byte, pos uint64) []uint64
	// Borrows reports whether the code of a function only accesses memory at its argument number
	// arg, an address, and passes it to branches for which passes is true. field is the offset of
	// the branch's field. Borrows is nil if this cannot be found out.
	Borrows func(code []byte, arg int, passes func(field uint64, arg int) bool) bool
	// Padding reports whether code contains only filler between functions.
	Padding func(code []byte) bool
	// Filler is the byte between functions.
	Filler byte
	// LoadVariable rewrites the code that has the value of a runtime constant at off. The new code
	// loads a variable from memory; field is the field to relocate. LoadVariable is nil if no such
	// code is known.
	LoadVariable func(code []byte, off int64) (field Field, ok bool)
	// ReplacementLength returns the length of the code with which an entry of .altinstructions
	// replaces the original.
	ReplacementLength func(entry []byte) byte
}

// Field is a relocated field of code.
type Field struct {
	Off    uint64 // offset in the code
	Type   uint32 // relocation type
	Bias   int8   // distance from the instruction's end to the field, to be added to the addend
	Branch bool   // field of a direct call or jump
}

// Insn is one instruction.
type Insn struct {
	Size   uint8 // in bytes; 0: cannot be decoded
	Branch bool  // a direct call or jump
	// Relative is the offset of the field that is relative to the next instruction, RelativeSize
	// its size in bytes. Both are 0 if there is none.
	Relative, RelativeSize uint8
	// Address is the offset of the address of the memory that the instruction reads or writes. It
	// is 0 if there is none, or if the instruction computes only the address (lea). Direct reports
	// whether no register is added to the address.
	Address uint8
	Direct  bool
	// Store reports whether the instruction is a plain write to memory at Address, Load whether it
	// certainly does not write there.
	Store, Load bool
	Flow        Flow
}

// Flow describes where the processor continues after an instruction.
type Flow uint8

const (
	Next    Flow = iota // at the next instruction
	Call                // in a function, then at the next instruction
	Jump                // at the target
	Fork                // at the next instruction or the target
	Equal               // Fork: at the target if the operands of the last comparison are equal, or its result is zero
	Unequal             // Fork: at the target if they differ, or the result is not zero
	Stop                // elsewhere: a return, a trap, an indirect jump
)

// Target returns the offset in code that the relative field of the instruction at pos refers to.
func (in *Insn) Target(code []byte, pos int) int64 {
	field := code[pos+int(in.Relative):]
	return int64(pos+int(in.Size)) + displacement(field[:in.RelativeSize])
}

// displacement returns the signed field of a branch, little endian.
func displacement(field []byte) int64 {
	if len(field) == 1 {
		return int64(int8(field[0]))
	}
	return int64(int32(uint32(field[0]) | uint32(field[1])<<8 | uint32(field[2])<<16 | uint32(field[3])<<24))
}

// paddedWith returns Code.Padding of an architecture whose filler is zeroes and the given
// instructions.
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

// lastByte returns the length of a replacement, if it is the last byte of the entry of
// .altinstructions.
func lastByte(entry []byte) byte { return entry[len(entry)-1] }
